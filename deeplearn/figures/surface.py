"""A function of two parameters as contours, and the paths that optimisers take over it."""

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from deeplearn.figures.style import INK, PALETTE, REFERENCE_COLOUR, new_axes, to_image
from deeplearn.figures.text import plotted

LEVELS = 14


def paths_on_surface(
    height: Callable[[np.ndarray], np.ndarray],
    paths: Mapping[str, np.ndarray],
    minimum: np.ndarray,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
) -> Image.Image:
    """Paths over the contours of `height`, evenly spaced in the logarithm of the height above the minimum.

    Args:
        height: [..., 2] parameters to [...] values.
        paths: a name to the points [steps, 2] that it visits; its start and end are marked.
        minimum: [2], marked by a cross.
    """
    axes = new_axes((7.5, 6.5), title, xlabel, ylabel)
    points = np.concatenate([*paths.values(), minimum[None]])
    low, high = points.min(0), points.max(0)
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    x, y = (np.linspace(a, b, 200) for a, b in zip(low, high, strict=True))
    above = height(np.stack(np.meshgrid(x, y), -1)) - height(minimum)
    levels = np.geomspace(above.max() / 1e4, above.max(), LEVELS)
    axes.contour(x, y, above, levels=levels, colors=REFERENCE_COLOUR, linewidths=0.8)
    for index, (name, path) in enumerate(paths.items()):
        colour = PALETTE[index % len(PALETTE)]
        axes.plot(*path.T, "-", color=colour, linewidth=1.4, label=plotted(name))
        axes.plot(*path[-1], "o", color=colour, markersize=7, markeredgecolor="white")
        axes.plot(*path[0], "s", color=INK, markersize=7)
    axes.plot(*minimum, "x", color=INK, markersize=11, markeredgewidth=2.5, label="minimum")
    axes.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=10, labelcolor=INK)
    return to_image(axes)

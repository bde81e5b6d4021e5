"""Words at points of the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.style import INK, PALETTE, new_axes, to_image
from deeplearn.figures.text import plotted


def word_map(points: np.ndarray, words: Sequence[str], groups: Sequence[str], title: str = "") -> Image.Image:
    """Each word [N] written at its point [N, 2], in the colour of its group [N]."""
    axes = new_axes((11, 9), title)
    colours = {group: PALETTE[number % len(PALETTE)] for number, group in enumerate(dict.fromkeys(groups))}
    axes.scatter(points[:, 0], points[:, 1], s=8, linewidths=0, color=[colours[group] for group in groups])
    for (x, y), word, group in zip(points, words, groups, strict=True):
        colour = INK if len(colours) == 1 else colours[group]
        axes.annotate(plotted(word), (x, y), xytext=(3, 2), textcoords="offset points", fontsize=9, color=colour)
    axes.set_xticks([])
    axes.set_yticks([])
    return to_image(axes)

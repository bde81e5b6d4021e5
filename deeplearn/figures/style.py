"""One look for every plot, set on the figure itself: matplotlib's global settings are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from deeplearn.figures.text import plotted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Petroff's ten colours, chosen for all kinds of colour vision (Petroff 2021, arXiv:2107.02270).
PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
REFERENCE_COLOUR = "#b8bec6"
INK = "#30343b"
DOTS_PER_INCH = 120
LONGEST_TITLE = 120  # characters


def new_axes(size: tuple[float, float], title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Empty axes on a figure of their own, of the given width and height in inches."""
    from matplotlib.figure import Figure  # the object interface: no pyplot, no window, no state

    axes = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained").add_subplot()
    axes.set_title(plotted(title, LONGEST_TITLE), fontsize=13, color=INK, loc="left", pad=10)
    axes.set_xlabel(plotted(xlabel, LONGEST_TITLE), fontsize=11, color=INK)
    axes.set_ylabel(plotted(ylabel), fontsize=11, color=INK)
    axes.set_axisbelow(True)
    axes.grid(color="#e6e8eb", linewidth=0.8)
    axes.tick_params(which="both", colors=INK, labelsize=10, length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9aa0a8")
    return axes


def to_image(axes: Axes) -> Image.Image:
    """The figure that holds these axes, drawn as an RGB image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(axes.figure)  # type: ignore[arg-type]  # never a sub-figure: see new_axes
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])

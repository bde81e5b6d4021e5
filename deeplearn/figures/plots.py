"""Plots: curves, points in the plane, bars, bubbles and tables of numbers as colours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from deeplearn.figures.style import INK, PALETTE, REFERENCE_COLOUR, new_axes, to_image
from deeplearn.figures.text import plotted

CELLS = 50  # rows or columns of a table, classes on a map, up to which there is room to write in each


def curves(
    series: Mapping[str, Sequence[Any]],
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
) -> Image.Image:
    """Lines, each with a band of ± its error where it has one.

    Args:
        series: a name to (x, y) or (x, y, error), each [n].
        log_x, log_y: whether an axis is logarithmic; none is where nothing is above 0.
    """
    axes = new_axes((7.5, 4.7), title, xlabel, ylabel)
    x_positive, y_positive = (any(np.greater(line[i], 0).any() for line in series.values()) for i in (0, 1))
    axes.set_xscale("log" if log_x and x_positive else "linear")
    axes.set_yscale("log" if log_y and y_positive else "linear")
    for index, (name, (x, y, *error)) in enumerate(series.items()):
        # After ten colours the dashes change, so that two lines never look the same.
        line = ("-", "--", ":")[index // len(PALETTE) % 3]
        colour = PALETTE[index % len(PALETTE)]
        axes.plot(x, y, line, color=colour, linewidth=2, label=plotted(name))
        if error:
            low, high = np.asarray(y) - error[0], np.asarray(y) + error[0]
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=10, labelcolor=INK)
    return to_image(axes)


def scatter(
    points: np.ndarray,
    labels: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    reference: np.ndarray | None = None,
) -> Image.Image:
    """Points in the plane, at equal scales: a latent map by class, or a generator's samples over the data.

    Args:
        points: [N, 2].
        labels: [N] integers, the class of each point. Each class has a colour and, of up to 50, its name at its
            median, so that the map can be read without distinguishing colours.
        classes: the classes' names; their numbers by default.
        reference: [M, 2] data, drawn in grey underneath. It also sets the frame, so that stray samples
            do not shrink the picture; the number of points outside is written below.
    """
    title = title or ("" if reference is None else "Samples over the data (grey)")
    axes = new_axes((6.5, 6.5), title, xlabel, ylabel)
    axes.set_aspect("equal", adjustable="datalim" if reference is None else "box")
    # Many points are drawn smaller and fainter, to show where they are dense.
    dots: dict[str, Any] = {"s": np.clip(20000 / len(points), 5, 40), "alpha": 0.6, "linewidths": 0}
    if reference is not None:
        axes.scatter(reference[:, 0], reference[:, 1], s=20, linewidths=0, color=REFERENCE_COLOUR, label="data")
        low, high = reference.min(axis=0), reference.max(axis=0)
        room = np.where(high > low, 0.15 * (high - low), 1)  # data may be one point
        low, high = low - room, high + room
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        outside = len(points) - np.count_nonzero(np.all((points >= low) & (points <= high), axis=1))
        if outside:
            axes.set_xlabel(f"{xlabel}\n{outside} of {len(points)} samples lie outside".lstrip())
    if labels is None:
        axes.scatter(
            points[:, 0], points[:, 1], **dots, color=PALETTE[2 if reference is not None else 0], label="samples"
        )
    else:
        axes.scatter(points[:, 0], points[:, 1], **dots, color=[PALETTE[label % len(PALETTE)] for label in labels])
        present = np.unique(labels)
        for label in present if len(present) <= CELLS else ():
            members = points[labels == label]
            name = str(label) if classes is None else classes[label]
            box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
            x, y = np.median(members, axis=0)
            axes.text(x, y, plotted(name), color=INK, weight="bold", ha="center", va="center", bbox=box)
    if reference is not None and labels is None:
        axes.figure.legend(
            loc="outside lower center", frameon=False, fontsize=10, labelcolor=INK, ncols=2, markerscale=2
        )
    return to_image(axes)


def bars(
    values: Mapping[str, float | tuple[float, float | None]],
    xlabel: str = "",
    title: str = "",
) -> Image.Image:
    """Horizontal bars from top to bottom, each with its number: a comparison of methods on one metric.

    Args:
        values: a name to its value, or to (value, standard error), where an error of None is not drawn.
    """
    pairs = [value if isinstance(value, tuple) else (value, None) for value in values.values()]
    axes = new_axes((7.5, 1.3 + 0.42 * len(values)), title, xlabel)
    axes.grid(visible=False, axis="y")
    for row, (value, error) in enumerate(pairs):
        axes.barh(row, value, height=0.65, color=PALETTE[0])
        axes.errorbar(value, row, xerr=error, color=INK, capsize=3, linewidth=1.5)
        text = f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"
        axes.annotate(
            text,
            (value + np.sign(value) * (error or 0), row),
            xytext=(6 if value >= 0 else -6, 0),
            textcoords="offset points",
            va="center",
            ha="left" if value >= 0 else "right",
            color=INK,
        )
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.2)  # room for the numbers
    axes.set_yticks(range(len(values)), [plotted(name) for name in values], fontsize=11)
    axes.invert_yaxis()
    return to_image(axes)


def bubbles(
    values: Mapping[str, tuple[float, float | None, float]],
    xlabel: str = "",
    title: str = "",
) -> Image.Image:
    """Rows of one point each, the highest on top, on bubbles whose areas are a second quantity.

    Args:
        values: a name to (value, standard error, area), where an error of None is not drawn. Only the areas' ratios
            matter.
    """
    names = sorted(values, key=lambda name: values[name][0])
    points, errors, areas = zip(*(values[name] for name in names), strict=True)
    height = np.arange(len(names))
    axes = new_axes((8.5, 1.5 + 0.3 * len(names)), title, xlabel)
    sizes = 600 * np.array(areas) / max(areas)
    axes.scatter(points, height, s=sizes, color=PALETTE[0], alpha=0.5, linewidths=0)
    bars = [np.nan if error is None else error for error in errors]
    axes.errorbar(points, height, xerr=bars, color=INK, fmt=".", markersize=4, capsize=3, linewidth=1)
    axes.set_yticks(height, [plotted(name) for name in names])
    axes.margins(0.1, 1 / len(names))
    return to_image(axes)


def heat_map(
    values: np.ndarray,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    number_format: str = ".2f",
) -> Image.Image:
    """A table of numbers [rows, columns] as colours, with each number in its cell.

    A missing result (NaN) is left blank. More than 50 rows or columns have no numbers, and names for some only.
    """
    rows, columns = values.shape
    written = max(rows, columns) <= CELLS
    row_names, column_names = ([plotted(label) for label in labels] for labels in (row_labels, column_labels))
    texts = [format(value, number_format) for value in values.flat] if written else [""]
    # Room in inches for the longest number of a cell, and for the longest names of rows and columns.
    cell = 0.3 + 0.09 * max(map(len, texts))
    beside, below = (0.09 * max(map(len, names)) for names in (row_names, column_names))
    slanted = below > cell
    width = 2 + beside + cell * min(columns, CELLS)
    height = 1.5 + 0.45 * min(rows, CELLS) + (max(0, below / 2 - 0.8) if slanted else 0)
    axes = new_axes((width, height), title, xlabel, ylabel)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    picture = axes.imshow(values, cmap="cividis", aspect="auto")
    slant: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(columns)[:: -(-columns // CELLS)], column_names[:: -(-columns // CELLS)], **slant)
    axes.set_yticks(range(rows)[:: -(-rows // CELLS)], row_names[:: -(-rows // CELLS)])
    for ((row, column), value), text in zip(np.ndenumerate(values), texts, strict=False) if written else ():
        if np.isfinite(value):
            red, green, blue, _ = picture.to_rgba(value)
            ink = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
            axes.text(column, row, text, ha="center", va="center", color=ink)
    bar = axes.figure.colorbar(picture, ax=axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=10, length=0)
    return to_image(axes)

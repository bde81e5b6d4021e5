"""Sound and what is heard in it, over time."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.style import INK, PALETTE, new_axes, to_image
from deeplearn.figures.text import plotted

LOW, HIGH = 1.25, 2.45  # where the frames stand, above probabilities of 0 to 1


def posteriors(sound: np.ndarray, probabilities: np.ndarray, symbols: Sequence[str], title: str) -> Image.Image:
    """Log-mel frames above the probabilities of symbols, on one axis of time in seconds.

    sound: [frames, mels], a frame every 10 ms. probabilities: [steps, symbols] over the same time; the first
    symbol, the blank, is a dashed line, the others are drawn if they are ever above .1, and named at their peaks.
    """
    seconds = len(sound) / 100
    axes = new_axes((10, 5.5), title, "seconds", f"probability    {sound.shape[1]} mel bands")
    extent = (0, seconds, LOW, HIGH)
    axes.imshow(sound.T, origin="lower", aspect="auto", extent=extent, cmap="magma", zorder=2)  # over the grid
    time = (np.arange(len(probabilities)) + 0.5) * seconds / len(probabilities)
    axes.plot(time, probabilities[:, 0], "--", color=INK, linewidth=1)
    best = probabilities.argmax(1)
    for index, number in enumerate([n for n in np.flatnonzero((probabilities > 0.1).any(0)).tolist() if n]):
        colour = PALETTE[index % len(PALETTE)]
        axes.plot(time, probabilities[:, number], color=colour, linewidth=2)
        # Each time that it is the most probable symbol: from where that begins to where it ends.
        edges = np.flatnonzero(np.diff(np.concatenate([[False], best == number, [False]]).astype(int)))
        for begin, end in edges.reshape(-1, 2):
            top = begin + probabilities[begin:end, number].argmax()
            name = plotted(symbols[number], 12)
            axes.text(time[top], probabilities[top, number] + 0.03, name, color=colour, ha="center", fontsize=10)
    axes.set_xlim(0, seconds)
    axes.set_ylim(-0.02, HIGH)
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    return to_image(axes)

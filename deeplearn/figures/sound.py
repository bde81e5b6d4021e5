"""Sound and what is heard in it, over time."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.panels import panels
from deeplearn.figures.style import INK, PALETTE, new_axes, to_image
from deeplearn.figures.text import plotted

NAMED = 12  # symbols in a legend


def posteriors(sound: np.ndarray, probabilities: np.ndarray, symbols: Sequence[str], title: str) -> Image.Image:
    """Log-mel frames above the probabilities of symbols, on one axis of time in seconds.

    sound: [frames, mels], a frame every 10 ms. probabilities: [steps, symbols] over the same time; those that are
    ever above .1 are drawn, the first symbol (the blank) as a dashed line. title: what was said and what was heard.
    """
    seconds = len(sound) / 100
    above = new_axes((9, 2.8), title, "", "mel band")
    above.grid(visible=False)
    above.imshow(sound.T, origin="lower", aspect="auto", extent=(0, seconds, 0, sound.shape[1]), cmap="magma")
    below = new_axes((9, 2.8), "", "seconds", "probability")
    time = (np.arange(len(probabilities)) + 0.5) * seconds / len(probabilities)
    drawn = [int(number) for number in np.flatnonzero((probabilities > 0.1).any(0)) if number][:NAMED]
    below.plot(time, probabilities[:, 0], "--", color=INK, linewidth=1, label="blank")
    for index, number in enumerate(drawn):
        line = ("-", ":")[index // len(PALETTE) % 2]
        colour = PALETTE[index % len(PALETTE)]
        below.plot(
            time, probabilities[:, number], line, color=colour, linewidth=2, label=plotted(symbols[number])
        )
    below.set_xlim(0, seconds)
    below.legend(frameon=False, fontsize=9, labelcolor=INK, ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.25))
    return panels([to_image(above), to_image(below)], columns=1)

"""Pictures of translations: which tokens of the source a decoder attends to, and texts beside each other.

Many typefaces have no Japanese. One of the machine's that has all signs is used where there is one; otherwise a
sign is written as its code point (`\\u5e74`), never as an empty box.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplearn.figures.style import INK, new_axes, to_image
from deeplearn.figures.text import FONT_SIZE, MARGIN, printable, text_image

# Parts of the names of typefaces that have Chinese, Japanese and Korean signs.
MANY_SIGNS = (
    "cjk",
    "jp",
    "gothic",
    "mincho",
    "meiryo",
    "hiragino",
    "takao",
    "hei",
    "unifont",
    "arialunicode",
    "fallback",
)
CELL = 0.17  # inches of a token in a map


def typeface(text: str) -> Path | None:
    """A typeface of this machine with all signs of the text, where the plots' own lacks some; otherwise None."""
    from matplotlib.ft2font import FT2Font

    wanted = {ord(sign) for sign in text if not sign.isspace()}
    if printable(text, len(text)) == " ".join(text.split()):
        return None
    for path in _candidates():
        if wanted <= set(FT2Font(str(path)).get_charmap()):
            return path
    return None


@functools.cache
def _candidates() -> tuple[Path, ...]:
    from matplotlib.font_manager import fontManager

    named = {
        Path(font.fname) for font in fontManager.ttflist if any(part in _plain(font.name) for part in MANY_SIGNS)
    }
    return tuple(sorted(named))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "")


def attention_map(
    weights: np.ndarray, source: Sequence[str], target: Sequence[str], title: str = ""
) -> Image.Image:
    """Weights [target, source] in [0, 1] as colours, from white to dark: each row is what one token looked at."""
    from matplotlib.font_manager import FontProperties

    width, height = (1.2 + CELL * len(tokens) for tokens in (source, target))
    axes = new_axes((max(width + 0.6, 5), height + 0.4), title)
    axes.grid(visible=False)
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for tokens, axis, angle in ((source, axes.xaxis, 90), (target, axes.yaxis, 0)):
        path = typeface("".join(tokens))
        shown = [one if path else printable(one) for one in tokens]
        turned = angle if any(len(one) > 1 for one in shown) else 0
        axis.set_ticks(range(len(tokens)), [one.replace("$", r"\$") or " " for one in shown], rotation=turned)
        for label in axis.get_ticklabels():
            label.set_fontproperties(FontProperties(fname=path, size=9) if path else FontProperties(size=9))
            label.set_color(INK)
    axes.xaxis.tick_top()
    return to_image(axes)


def text_table(columns: Mapping[str, Sequence[str]]) -> Image.Image:
    """Texts below each other: the first of each column beside the column's title, then an empty line, and so on."""
    longest = max(map(len, columns))
    path = typeface("".join(text for texts in columns.values() for text in texts))
    lines = []
    for row in zip(*columns.values(), strict=True):
        for title, text in zip(columns, row, strict=True):
            shown = " ".join(text.split()) if path else printable(text, max(1, 10 * len(text)))
            lines.append(f"{title:>{longest}}  {shown}")
        lines.append("")
    if path is None:
        return text_image("\n".join(lines))
    font = ImageFont.truetype(str(path), FONT_SIZE)
    left, step = MARGIN + int(font.getlength("m" * longest)), round(1.5 * FONT_SIZE)
    width = left + 2 * MARGIN + int(max(font.getlength(line) for line in lines))
    picture = Image.new("RGB", (width, 2 * MARGIN + step * len(lines)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((MARGIN, MARGIN + step * number), line.strip(), "black", font)
    return picture

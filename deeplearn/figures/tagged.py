"""Tagged tokens as coloured text, with what is tagged wrongly marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplearn.figures.style import INK, PALETTE
from deeplearn.figures.text import MARGIN, printable

SIZE, LEADING = 15, 20  # pixels of a letter and from line to line
WIDEST, MOST = 96, 44  # characters of a line, and lines
WRONG = "#ffec8b"  # behind a wrong tag
NEWLINE = "\n"


def tagged_text(
    tokens: Sequence[str],
    predicted: np.ndarray,
    truth: np.ndarray,
    classes: Sequence[str],
    title: str = "",
) -> Image.Image:
    """The tokens, one after another, each in the colour of its predicted tag; wrong ones have a yellow ground.

    A token "\\n" ends its line; lines that are too long are broken, and no more lines are drawn than have room.
    Blank wrong tokens show their ground only. Below is a legend of the classes that are predicted, and of wrong.

    Args:
        tokens: pieces of text that are written without spaces between them. predicted, truth: [tokens] integers,
            places in `classes`.
    """
    if not len(tokens) == len(predicted) == len(truth):
        raise ValueError(f"{len(tokens)} tokens have {len(predicted)} predicted and {len(truth)} true tags")
    font = _font()
    cell = font.getlength("m")
    shown: list[tuple[int, int, str, int, bool]] = []  # line, column, text, tag, whether it is wrong
    line = column = 0
    for token, tag, right in zip(tokens, predicted, truth, strict=True):
        text = token if token.isspace() else printable(token)
        if text != NEWLINE and column + len(text) > WIDEST and column:
            line, column = line + 1, 0
        if line >= MOST:
            break
        shown.append((line, column, " " if text == NEWLINE else text, int(tag), bool(tag != right)))
        line, column = (line + 1, 0) if text == NEWLINE else (line, column + len(text))
    top = MARGIN + (LEADING if title else 0)
    legend = _legend(shown, classes)
    bottom = top + LEADING * (1 + max((one[0] for one in shown), default=0)) + LEADING // 2
    height = bottom + LEADING * (1 + max(row for row, *_ in legend)) + MARGIN
    picture = Image.new("RGB", (int(2 * MARGIN + cell * WIDEST), height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, MARGIN - 4), printable(title, WIDEST), INK, font)
    for start, cells in ((top, shown), (bottom, legend)):
        for row, place, text, tag, wrong in cells:
            x, y = MARGIN + cell * place, start + LEADING * row
            if wrong:
                draw.rectangle((x, y, x + cell * len(text) - 1, y + LEADING - 2), fill=WRONG)
            draw.text((x, y), text, PALETTE[tag % len(PALETTE)] if tag >= 0 else INK, font)
    return picture


def _legend(shown: Sequence[tuple[int, int, str, int, bool]], classes: Sequence[str]) -> list[tuple]:
    """Names of classes in their colours, as cells of text."""
    names = [(printable(classes[tag]), tag, False) for tag in sorted({one[3] for one in shown})]
    cells, row, column = [], 0, 0
    for name, tag, wrong in [*names, ("wrong", -1, True)]:
        if column + len(name) > WIDEST and column:
            row, column = row + 1, 0
        cells.append((row, column, name, tag, wrong))
        column += len(name) + 3
    return cells


def _font() -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSansMono-Bold.ttf", SIZE)

"""Text in pictures: what a name of the user's looks like there, and tables whose columns are aligned by spaces."""

import functools

from PIL import Image, ImageDraw, ImageFont

FONT_SIZE, MARGIN = 17, 16
LONGEST = 60  # characters of a name in a picture


def printable(text: str, longest: int = LONGEST) -> str:
    """A text as figures can show it: one line, cut in its middle, characters that the typeface lacks as `\\u732b`.

    A long name is cut in its middle, because names that begin alike often differ at their end.
    """
    known = _characters()
    line = "".join(c if ord(c) in known else ascii(c)[1:-1] for c in " ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest // 2]}…{line[len(line) - (longest - 1) // 2 :]}"


def plotted(text: str, longest: int = LONGEST) -> str:
    """The same for matplotlib, which would read what stands between two dollars as a formula."""
    return printable(text, longest).replace("$", r"\$")


@functools.cache
def _characters() -> frozenset[int]:
    """What the plots' typeface has, both upright and bold."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    path = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans"
    regular, bold = (FT2Font(f"{path}{kind}.ttf").get_charmap() for kind in ("", "-Bold"))
    return frozenset(regular) & frozenset(bold)


def text_image(text: str, columns: int = 0) -> Image.Image:
    """Lines of text in a typewriter face, black on white; lines of more than `columns` characters are broken."""
    import matplotlib

    if columns:
        lines = text.split("\n")
        text = "\n".join(line[at : at + columns] for line in lines for at in range(0, len(line) or 1, columns))
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSansMono.ttf", FONT_SIZE)
    box = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((MARGIN, MARGIN), text, font)
    picture = Image.new("RGB", (int(box[2]) + MARGIN, int(box[3]) + MARGIN), "white")
    ImageDraw.Draw(picture).multiline_text((MARGIN, MARGIN), text, "black", font)
    return picture

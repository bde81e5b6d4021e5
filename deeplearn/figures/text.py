"""Text as a picture: tables whose columns are aligned by spaces."""

from PIL import Image, ImageDraw, ImageFont

FONT_SIZE, MARGIN = 17, 16


def text_image(text: str) -> Image.Image:
    """Lines of text in a typewriter face, black on white."""
    import matplotlib

    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSansMono.ttf", FONT_SIZE)
    box = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((MARGIN, MARGIN), text, font)
    picture = Image.new("RGB", (int(box[2]) + MARGIN, int(box[3]) + MARGIN), "white")
    ImageDraw.Draw(picture).multiline_text((MARGIN, MARGIN), text, "black", font)
    return picture

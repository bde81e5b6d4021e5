import os

import numpy as np
import pytest
from PIL import Image, features

from deeplearn.data.pictures import read_header, read_picture
from deeplearn.errors import UserError

RAMP = np.linspace(0, 65535, 48).round().reshape(6, 8)
EIGHT = np.rint(RAMP / 257).astype(np.uint8)


@pytest.mark.parametrize(
    "name, pixels",
    [
        ("16.png", RAMP.astype(np.uint16)),
        ("16.tif", RAMP.astype(np.uint16)),
        ("32.tif", RAMP.astype(np.int32)),
        ("float.tif", (RAMP / 65535).astype(np.float32)),
        ("8.png", EIGHT),
    ],
)
def test_depths_are_scaled_to_eight_bits(tmp_path, name, pixels):
    Image.fromarray(pixels).save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), EIGHT)
    assert read_header(tmp_path / name) == ((8, 6), True, name != "8.png", False, False)


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_grey_or_colours(tmp_path, mode):
    expected = "L" if mode in ("1", "LA") else "RGB"
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(EIGHT).convert("RGB").convert(mode).save(file)
    assert read_picture(file).mode == expected
    assert read_header(file).grey == (expected == "L")
    assert read_header(file).transparent == mode.endswith("A")


@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp", "avif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 9, 65535])
def test_a_picture_is_turned_as_its_camera_says(tmp_path, suffix, orientation):
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this version of Pillow reads no AVIF")
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", exif=exif)
    picture = np.asarray(read_picture(tmp_path / f"a.{suffix}").convert("L"))
    turns = {3: 2, 6: -1, 8: 1}.get(orientation, 0)
    assert read_header(tmp_path / f"a.{suffix}").size == picture.shape[::-1]
    np.testing.assert_array_equal(picture > 128, np.rot90(pixels[..., 0], turns) > 0)


def test_a_photograph_is_turned_and_an_animation_is_its_first_frame(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise by 90°
    Image.fromarray(EIGHT).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == read_header(tmp_path / "a.jpg").size == (6, 8)
    frames = [Image.fromarray(np.full((6, 8), level, np.uint8)) for level in (9, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_header(tmp_path / "a.gif").animated
    assert np.asarray(read_picture(tmp_path / "a.gif"))[0, 0].max() == 9


def test_what_cannot_be_read_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    Image.fromarray((RAMP * 2).astype(np.int32)).save(tmp_path / "white.tif")
    Image.fromarray(np.full((2, 2), np.nan, np.float32)).save(tmp_path / "nan.tif")
    (tmp_path / "text.png").write_text("nonsense")
    (tmp_path / "bomb.pgm").write_bytes(b"P5 50000 50000 255\n")
    for name, sentence in (
        ("pipe.png", "is not a file"),
        ("white.tif", "values from 0 to 131070, and white is 65535"),
        ("nan.tif", "values from nan to nan, and white is 1 "),
        ("text.png", r"cannot be read as an image \(it is none\): replace it, or remove it"),
        ("bomb.pgm", r"cannot be read as an image \(Image size \(2500000000 pixels\)"),
        ("none.png", "there is no image"),
    ):
        with pytest.raises(UserError, match=sentence) as error:
            read_picture(tmp_path / name)
        assert name in str(error.value)

"""Files that were made to do harm, their checksum right: each ends in one sentence, and soon."""

import zlib

import jax
import numpy as np
import pytest

from deeplearn.codec.file import CHECK, HEADER, Header, compress, decompress, read_header
from deeplearn.errors import UserError
from deeplearn.losses.likelihoods import Logistic
from deeplearn.losses.vae import negative_elbo
from deeplearn.models.vae import VAE
from deeplearn.train import Trained

IMAGES = np.random.default_rng(0).integers(3, size=(5, 2, 2, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def trained():
    model = VAE((2, 2, 1), 2, (4,), Logistic(3))
    batch = {"image": np.zeros((1, 2, 2, 1), np.float32)}
    return Trained(model, model.init(jax.random.key(0), batch, method=negative_elbo), jax.random.key(1))


@pytest.fixture(scope="module")
def good(trained):
    """(header, message)"""
    contents = compress(trained, IMAGES).contents
    return read_header(contents, "x"), contents[HEADER.size + CHECK.size :]


def packed(header, message, magic=b"DLBB", version=1):
    head = HEADER.pack(magic, version, *header)
    return head + CHECK.pack(zlib.crc32(head + message)) + message


FIELDS = {
    "no images": ({"number": 0}, "no message in 1 streams"),
    "four billion images": ({"number": 2**32 - 1}, "cannot hold 4294967295 images"),
    "a hundred million images": ({"number": 10**8}, "cannot hold 100000000 images"),
    "ten thousand images": ({"number": 10_000}, "its message ends before its 10000 images do"),
    "no streams": ({"streams": 0}, "no message in 0 streams"),
    "more streams than images": ({"streams": 6}, "no message in 6 streams"),
    "more streams than words": ({"streams": 2**16 - 1, "number": 2**16}, "no message in 65535 streams"),
    "no height": ({"height": 0}, "its images are 0×2×1"),
    "large images": ({"height": 2**16 - 1, "width": 2**16 - 1}, "its images are 65535×65535×1"),
    "no width": ({"width": 0}, "its images are 2×0×1"),
    "no channels": ({"channels": 0}, "its images are 2×2×0"),
    "many channels": ({"channels": 255}, "its images are 2×2×255"),
    "no levels": ({"levels": 0}, "with 0 levels"),
    "many levels": ({"levels": 2**16 - 1}, "with 65535 levels"),
    "other weights": ({"weights": b"12345678"}, "was compressed with other weights"),
    "other images": ({"images": 7}, "does not give the images that were compressed"),
    "fewer images": ({"number": 4}, "does not give the images that were compressed"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_of_the_header_that_cannot_be(trained, good, case):
    header, message = good
    change, sentence = FIELDS[case]
    with pytest.raises(UserError, match=f"^x .*{sentence}"):
        decompress(trained, packed(header._replace(**change), message), "x")


MESSAGES = {
    "nothing": (lambda message: b"", "0 bytes are no message"),
    "one word": (lambda message: message[:4], "4 bytes are no message"),
    "half a word more": (lambda message: message + b"ab", "are no message"),
    "zeros": (lambda message: bytes(len(message)), "x (does not give|is damaged)"),
    "ones": (lambda message: b"\xff" * len(message), "x (does not give|is damaged)"),
    "its end alone": (lambda message: message[-8:], "x (does not give|is damaged)"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_that_nothing_was_coded_in(trained, good, case):
    header, message = good
    change, sentence = MESSAGES[case]
    with pytest.raises(UserError, match=sentence):
        decompress(trained, packed(header, change(message)), "x")


BYTES = {
    "an empty file": (b"", "is not a file of compressed images"),
    "its first letters": (b"DLB", "is not a file of compressed images"),
    "the magic alone": (b"DLBB", "cut short or of another version"),
    "magic and version": (b"DLBB\x01", "is damaged or cut short"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(40), "is not a file of compressed images"),
}


@pytest.mark.parametrize("case", BYTES)
def test_other_bytes(trained, case):
    contents, sentence = BYTES[case]
    with pytest.raises(UserError, match=sentence):
        decompress(trained, contents, "x")


def test_another_version_and_another_magic(trained, good):
    header, message = good
    assert isinstance(header, Header)
    np.testing.assert_array_equal(decompress(trained, packed(header, message), "x"), IMAGES)
    with pytest.raises(UserError, match="of another version"):
        decompress(trained, packed(header, message, version=2), "x")
    with pytest.raises(UserError, match="is not a file of compressed images"):
        decompress(trained, packed(header, message, magic=b"DLBA"), "x")

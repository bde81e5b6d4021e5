"""The two formats of torch.save against each other, on files that torch wrote; zips that are something else."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.weights.torch_file import LEGACY_MAGIC, read_torch, read_torch_legacy

FILES = Path(__file__).parent.parent / "golden" / "weights_files"


def test_both_formats_hold_the_same_tensors():
    new, old = read_torch(FILES / "plain.pth"), read_torch_legacy(FILES / "legacy.pth")
    assert (FILES / "legacy.pth").read_bytes().startswith(LEGACY_MAGIC)
    assert set(old) == set(new) - {"weight", "bias"} and len(old) > 5
    for name, tensor in old.items():
        assert tensor.dtype == new[name].dtype
        np.testing.assert_array_equal(tensor, new[name])


def rewritten(path, change):
    """A copy of the zip; `change(name, content)` gives each entry's content, None leaves it out."""
    with zipfile.ZipFile(FILES / "plain.pth") as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            if (content := change(name, archive.read(name))) is not None:
                copy.writestr(name, content)
    return path


def test_a_zip_that_is_not_what_it_should_be_is_reported_in_a_sentence(tmp_path):
    cases = {
        "it has no data.pkl": lambda name, content: None if name.endswith("data.pkl") else content,
        "written on a big-endian machine": lambda name, content: b"big" if name.endswith("byteorder") else content,
        "a storage is cut short": lambda name, content: content[:-4] if "/data/" in name else content,
    }
    for number, (sentence, change) in enumerate(cases.items()):
        with pytest.raises(UserError, match=sentence):
            read_torch(rewritten(tmp_path / f"{number}.pth", change))


def test_each_reader_refuses_the_other_s_format(tmp_path):
    for reader, name in ((read_torch, "legacy.pth"), (read_torch_legacy, "plain.pth")):
        shutil.copy(FILES / name, tmp_path)
        with pytest.raises(UserError, match="damaged or cut short"):
            reader(tmp_path / name)

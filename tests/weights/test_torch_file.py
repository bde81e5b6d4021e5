"""The two formats of torch.save against each other, on files that torch wrote; zips that are something else."""

import argparse
import shutil
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.weights.torch_file import LEGACY_MAGIC, read_torch, read_torch_legacy
from tests.weights.torch_files import torch_save

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


STATE = OrderedDict(a=np.arange(4, dtype=np.float32).reshape(2, 2).T, b=np.ones(3, np.float32))
MOMENTS = {number: {"step": np.ones(1, np.float32), "exp_avg": np.ones(2, np.float32)} for number in range(2)}
CHECKPOINTS = {
    "alone": STATE,
    **{
        key: {key: STATE, "epoch": 3}
        for key in ("state_dict", "model", "model_state_dict", "net", "weights", "ema")
    },
    "deep": {"checkpoint": {"models": {"student": STATE}}},
    "torchvision's": {
        "model": STATE,
        "optimizer": {"state": MOMENTS, "param_groups": [{"lr": 0.1, "params": [0, 1]}]},
        "lr_scheduler": {"milestones": Counter([30, 60])},
        "args": argparse.Namespace(lr=0.1, output_dir=Path("here")),
    },
    "timm's": {
        "state_dict": STATE,
        "arch": "resnet50",
        "metric": np.float64(80.1),
        "args": argparse.Namespace(amp=True),
    },
    "Lightning's": {
        "state_dict": STATE,
        "callbacks": {"ModelCheckpoint": {"best_model_score": np.ones(1, np.float32), "dirpath": Path("there")}},
        "optimizer_states": [{"state": MOMENTS}],
        "hyper_parameters": {"layers": {1, 2}, "size": defaultdict(list)},
    },
    "a few numbers beside it": {"mean": np.ones(1, np.float32), "params": STATE},
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_the_state_dict_of_a_checkpoint_is_found_under_any_key(tmp_path, monkeypatch, capsys, case):
    found = read_torch(torch_save(CHECKPOINTS[case], tmp_path / "x.pth", monkeypatch))
    assert set(found) == set(STATE)
    for name, value in STATE.items():
        np.testing.assert_array_equal(found[name], value)
    assert capsys.readouterr().err == ""


def test_which_of_two_is_read_is_said(tmp_path, monkeypatch, capsys):
    average = OrderedDict((name, value + 1) for name, value in STATE.items())
    content = {"state_dict": STATE, "state_dict_ema": average}
    found = read_torch(torch_save(content, tmp_path / "x.pth", monkeypatch))
    np.testing.assert_array_equal(found["b"], STATE["b"])
    assert "has the same tensors in state_dict_ema; state_dict is read" in capsys.readouterr().err

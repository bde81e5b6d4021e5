"""Preparation when several processes start at once, when one is killed, and what a second start costs."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import prepared
from deeplearn.data.versions import find
from deeplearn.errors import UserError
from tests.data.test_own import GOLDEN, digest


def python(program: str, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


LOAD = """
import sys
from deeplearn import data
from tests.data.test_own import digest
print(digest(data.load("digits", sys.argv[1])))
"""


def test_two_processes_at_once(tmp_path):
    both = [python(LOAD, tmp_path) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.split()[-1] == GOLDEN["digits"]
    assert [path.name for path in (tmp_path / "digits").iterdir() if path.name[0] != "."] == ["1.0.0"]


KILLED = """
import os, signal, sys
from deeplearn import data
from deeplearn.data.builders.digits import Builder
generate = Builder._generate_examples

def killed(self, images, labels, indices):
    for number, example in enumerate(generate(self, images, labels, indices)):
        if number == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        yield example

Builder._generate_examples = killed
data.load("digits", sys.argv[1])
"""


def test_killed_while_preparing(tmp_path):
    process = python(KILLED, tmp_path)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert list((tmp_path / "digits").glob("incomplete.*"))
    assert digest(data.load("digits", tmp_path)) == GOLDEN["digits"]
    assert not list((tmp_path / "digits").glob("incomplete.*"))


def test_killed_while_writing_the_decoded_arrays(tmp_path):
    unfinished = tmp_path / "decoded" / "digits.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "train.npz").write_bytes(b"half")
    assert digest(data.load("digits", tmp_path)) == GOLDEN["digits"]
    assert not unfinished.exists()


@pytest.mark.parametrize("damage", ["truncated", "missing", "garbled facts"])
def test_damaged_decoded_arrays_are_made_again(damage, tmp_path):
    data.load("digits", tmp_path)
    cache = tmp_path / "decoded" / "digits"
    if damage == "truncated":
        whole = (cache / "train.npz").read_bytes()
        (cache / "train.npz").write_bytes(whole[: len(whole) // 2])
    elif damage == "missing":
        (cache / "test.npz").unlink()
    else:
        (cache / "facts.json").write_text("{")
    assert digest(data.load("digits", tmp_path)) == GOLDEN["digits"]
    with np.load(cache / "test.npz") as arrays:
        assert len(arrays["label"]) == 500


def test_decoded_arrays_follow_their_records(tmp_path):
    data.load("tables/wine", tmp_path)
    records = find("tables/wine", tmp_path)
    cache = tmp_path / "decoded" / "tables" / "wine"
    before = (cache / "facts.json").read_text()
    os.utime(records / "dataset_info.json", ns=(1, 1))  # as if the records had been prepared again
    data.load("tables/wine", tmp_path)
    assert (cache / "facts.json").read_text() != before


SECOND_START = """
import sys
from deeplearn import data
data.load("glyphs", sys.argv[1])
print(*[name for name in ("tensorflow_datasets", "sklearn", "grain", "matplotlib", "PIL", "tensorflow")
        if name in sys.modules])
"""


def test_a_second_start_imports_nothing_heavy(data_dir):
    data.load("glyphs", data_dir)
    process = python(SECOND_START, data_dir)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.split() == []


def test_preparation_never_imports_tensorflow(tmp_path):
    data.load("digits", tmp_path)
    assert "tensorflow" not in sys.modules


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")  # nothing can be made below a file, whoever runs the test
    with pytest.raises(UserError, match=r"cannot write to the data directory .*choose another with --data_dir"):
        data.load("digits", tmp_path / "file")


def test_a_shared_directory_that_may_only_be_read(tmp_path, monkeypatch):
    data.load("digits", tmp_path)
    shutil.rmtree(tmp_path / "decoded")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(prepared, "locked", refuse)
    assert digest(data.load("digits", tmp_path)) == GOLDEN["digits"]
    assert not (tmp_path / "decoded").exists()


def test_the_directory_is_tfdss_own_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    data.load("tables/wine")
    assert (tmp_path / "tables" / "wine" / "1.0.0" / "dataset_info.json").exists()


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wine")
    data.load("tables/wine", directory)
    return directory


def cut_in_half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("name", ["tables-train.array_record-00000-of-00001", "dataset_info.json"])
@pytest.mark.parametrize("damage", [cut_in_half, os.unlink])
def test_damaged_records_are_prepared_again_and_that_is_said(name, damage, wine, tmp_path):
    shutil.copytree(wine / "tables", tmp_path / "tables")
    damage(find("tables/wine", tmp_path) / name)
    dataset = data.load("tables/wine", tmp_path)
    assert digest(dataset) == GOLDEN["tables/wine"]
    said = not (damage is os.unlink and name.endswith("json"))  # without that file nothing is prepared
    assert [("damaged" in note and "prepared again" in note) for note in dataset.notes] == [True] * said
    assert digest(data.load("tables/wine", tmp_path)) == GOLDEN["tables/wine"]


def test_a_changed_fact_beside_decoded_arrays_is_noticed(wine, tmp_path):
    shutil.copytree(wine, tmp_path / "tfds")
    facts = tmp_path / "tfds" / "decoded" / "tables" / "wine" / "facts.json"
    whole = facts.read_text()
    facts.write_text(whole.replace("alcohol", "alcohoi", 1))
    assert data.load("tables/wine", tmp_path / "tfds").about["feature_names"][0] == "alcohol"
    assert facts.read_text() == whole


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prepared.decoded, "write", full)
    dataset = data.load("tables/wine", tmp_path)
    assert digest(dataset) == GOLDEN["tables/wine"]
    assert dataset.notes == (
        f"{tmp_path} cannot be written (No space left on device): tables/wine is decoded at every start",
    )
    monkeypatch.setattr(prepared, "_own_builder", full)
    with pytest.raises(UserError, match=r"cannot write to the data directory .*\(No space left on device\)"):
        data.load("digits", tmp_path)


def test_a_directory_of_nobody():
    with pytest.raises(UserError, match="~nobody-here/x cannot be the data directory"):
        data.load("digits", "~nobody-here/x")

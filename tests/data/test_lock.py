"""The lock between processes: one inside at a time, and given back by one that is killed."""

import fcntl
import subprocess
import sys

import pytest

from deeplearn.data.lock import locked

HOLDER = """
import sys
from pathlib import Path
from deeplearn.data.lock import locked

with locked(Path(sys.argv[1])):
    print("inside", flush=True)
    sys.stdin.read()
"""


def holder(path):
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("end", ["leaves", "is killed"])
def test_the_second_waits_until_the_first_is_gone(tmp_path, end):
    path = tmp_path / "made" / "lock"
    with holder(path) as first:
        assert first.stdout.readline() == "inside\n"
        with holder(path) as second:
            with path.open("a") as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if end == "leaves":
                first.stdin.close()
            else:
                first.kill()
            assert second.stdout.readline() == "inside\n"


def test_an_error_inside_gives_it_back(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with holder(tmp_path / "lock") as next_one:
        assert next_one.stdout.readline() == "inside\n"


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError), locked(tmp_path / "file" / "lock"):
        raise AssertionError("inside")

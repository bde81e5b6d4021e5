"""python -m deeplearn.vectors on files; on runs, tests/experiments/test_word_vectors.py."""

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.vectors import Vectors, __main__, read, write

VECTORS = Vectors(
    ("king", "queen", "man", "woman", "boat"),
    np.array([[1, 1, 2], [1, -1, 2], [0, 1, 2], [0, -1, 2], [-3, 0, 1]], "f4"),
)


@pytest.fixture
def file(tmp_path):
    write(VECTORS, tmp_path / "some.txt")
    return tmp_path / "some.txt"


def test_neighbours_and_analogies(file, capsys):
    __main__.main(["neighbours", f"--vectors={file}", "king", "boat", "--count=2"])
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[3]] == ["king", "boat"] and lines[1].endswith("man")
    for form in ("add", "mul"):
        __main__.main(["analogy", f"--vectors={file}", "man", "king", "woman", f"--form={form}", "--count=1"])
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "man is to king as woman is to" and said[1].endswith("queen") and len(said) == 2


def test_judge_export_and_map(file, tmp_path, capsys):
    (tmp_path / "q.txt").write_text("man woman king queen\n")
    (tmp_path / "j.txt").write_text("man woman 4\nking boat 1\n")
    __main__.main(["judge", f"--vectors={file}", f"--analogies={tmp_path}/q.txt", f"--judged={tmp_path}/j.txt"])
    said = capsys.readouterr().out
    assert "analogies 1.0000" in said and "similarity 1.0000" in said
    __main__.main(["export", f"--vectors={file}", f"--file={tmp_path}/a.bin"])
    np.testing.assert_array_equal(read(tmp_path / "a.bin").table, VECTORS.table)
    __main__.main(["map", f"--vectors={file}", f"--file={tmp_path}/map.png"])
    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"


WRONG = {
    ("neighbours", "kng"): "'kng' is not among the 5 words; did you mean king",
    ("neighbours", "king", "--count=0"): "--count=0 should be at least 1",
    ("judge",): "name a file of --analogies",
    ("map", "--file=a.jpg"): r"should end in \.png",
    ("map", "--file=a.png", "--count=2"): "at least three words",
    ("export", "--file=a.xyz"): r"should end in \.txt",
    ("analogy", "king", "queen"): "required: words",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_mistake_is_one_sentence(file, arguments):
    command, *rest = arguments
    with pytest.raises(UserError, match=WRONG[arguments]):
        __main__.main([command, f"--vectors={file}", *rest])

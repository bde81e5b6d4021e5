"""JSON beside weights: what it holds, or one sentence."""

import pytest

from deeplearn.errors import UserError
from deeplearn.weights.json_file import read_json, read_object


def test_what_it_holds(tmp_path):
    (tmp_path / "x.json").write_text('{"é": [1]}', encoding="utf-8")
    assert read_object(tmp_path / "x.json", "something") == {"é": [1]}


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b""])
def test_what_is_no_json(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"x.json cannot be read as JSON \("):
        read_json(tmp_path / "x.json", "something")


def test_no_file_and_no_object(tmp_path):
    with pytest.raises(UserError, match=r"there is no .*x.json, which would say how many there are"):
        read_json(tmp_path / "x.json", "how many there are")
    (tmp_path / "x.json").write_text("3")
    with pytest.raises(UserError, match=r"x.json should hold one JSON object, {…}, that says how many"):
        read_object(tmp_path / "x.json", "how many there are")

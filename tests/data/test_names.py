"""Names of data sets."""

import pytest

from deeplearn.data.names import absolute


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("digits", "digits"),
        ("mixture/ring", "mixture/ring"),
        ("folder:pics@64", "folder:{here}/pics@64"),
        ("folder:pics@64/", "folder:{here}/pics@64/"),  # the folder of that name, not a size
        ("npz:/a/b.npz", "npz:/a/b.npz"),
        *((f"{kind}:my/a.txt", f"{kind}:{{here}}/my/a.txt") for kind in ("text", "csv", "pairs", "conll")),
        ("folder:~nobody-of-this-name/x", "folder:{here}/~nobody-of-this-name/x"),
        ("folder:", "folder:"),
    ],
)
def test_a_relative_path_becomes_whole(name, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute(name) == whole.format(here=tmp_path)

"""Vectors kept in a file, and the nearest of them."""

import json

import numpy as np
import pytest

from deeplearn.embed.vectors_file import Vectors, load, nearest, save
from deeplearn.errors import UserError

KEPT = Vectors(["ein Schiff", "ⅷ 😀", "x"], np.arange(12, dtype=np.float32).reshape(3, 4), "mean", "abc")


def test_what_is_kept_comes_back(tmp_path):
    save(tmp_path / "x.npz", KEPT)
    found = load(tmp_path / "x.npz")
    np.testing.assert_array_equal(found.vectors, KEPT.vectors)
    assert found._replace(vectors=KEPT.vectors) == KEPT


def changed(**arrays):
    made = json.dumps({"pool": "mean", "fingerprint": "abc"})
    texts = np.frombuffer(b"a\nb", np.uint8)
    return {"vectors": np.ones((2, 3), np.float32), "texts": texts, "made": np.array(made)} | arrays


@pytest.mark.parametrize(
    "arrays",
    [
        {"image": np.ones(3)},
        changed(vectors=np.ones((3, 3), np.float32)),
        changed(vectors=np.ones((2, 3))),
        changed(texts=np.array([255, 254], np.uint8)),
        changed(made=np.array("{}")),
        changed(made=np.array([None])),
    ],
)
def test_other_files_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=r"x.npz holds no vectors that deeplearn.embed wrote \("):
        load(tmp_path / "x.npz")


def test_no_file_a_damaged_one_and_nowhere_to_write(tmp_path):
    with pytest.raises(UserError, match="there is no file of vectors"):
        load(tmp_path / "x.npz")
    save(tmp_path / "x.npz", KEPT)
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:-30])
    with pytest.raises(UserError, match="holds no vectors"):
        load(tmp_path / "x.npz")
    with pytest.raises(UserError, match=r"cannot write .*absent.x.npz \(No such file"):
        save(tmp_path / "absent" / "x.npz", KEPT)


def test_the_nearest_have_the_greatest_cosines():
    vectors = np.array([[1, 0], [0, 9], [3, 3], [-1, 0], [0, 0]], np.float32)
    found = nearest(vectors, np.array([2, 0.2], np.float32), 5)
    assert [row for row, _ in found] == [0, 2, 1, 4, 3]
    np.testing.assert_allclose(
        [cosine for _, cosine in found],
        np.cos(
            np.arctan(0.1)
            + np.array(
                [
                    0,
                    np.pi / 4 - 2 * np.arctan(0.1),
                    np.pi / 2 - 2 * np.arctan(0.1),
                    np.pi / 2 - np.arctan(0.1),
                    np.pi - 2 * np.arctan(0.1),
                ]
            )
        ),
        atol=1e-6,
    )
    assert len(nearest(vectors, vectors[0], 2)) == 2

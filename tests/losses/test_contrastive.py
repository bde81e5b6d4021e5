"""InfoNCE against sums written out, a closed form, and what shared targets change."""

import numpy as np
import pytest

from deeplearn.losses.contrastive import info_nce


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(5, 3))), unit(rng.normal(size=(5, 3)))


def written_out(images, texts, scale, label):
    """Pair by pair, as the paper's figure 3 says, in double precision."""
    total, count = 0.0, len(images)
    for one, other in ((images, texts), (texts, images)):
        for i in range(count):
            each = [np.exp(scale * np.dot(one[i].astype(float), other[j])) for j in range(count)]
            fellows = [j for j in range(count) if label[j] == label[i]]
            total -= sum(np.log(each[j] / sum(each)) for j in fellows) / len(fellows) / count / 2
    return total


@pytest.mark.parametrize("label", [None, [0, 1, 2, 3, 4], [0, 1, 0, 2, 0]])
def test_it_is_the_sum_over_all_pairs(pairs, label):
    given = None if label is None else np.array(label, np.int32)
    loss, _ = info_nce(*pairs, np.float32(7), given)
    np.testing.assert_allclose(loss, written_out(*pairs, 7.0, label or range(5)), rtol=1e-5)


def test_vectors_at_right_angles_have_a_closed_form():
    """log(e^s + n − 1) − s where each finds its own and all others have cosine 0."""
    loss, found = info_nce(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), np.float32(3))
    np.testing.assert_allclose(loss, np.log(np.exp(3) + 3) - 3, rtol=1e-6)
    assert found["found_by_text"] == found["found_by_image"] == 1


def test_what_is_found_by_either_side():
    """Two texts lie at the first picture: their pictures' texts are found, the second text's picture is not."""
    images, texts = np.eye(2, dtype=np.float32), unit(np.array([[1, 0], [1, 0.5]]))
    found = info_nce(images, texts, np.float32(1))[1]
    assert (found["found_by_image"], found["found_by_text"]) == (1, 0.5)
    assert info_nce(images, texts, np.float32(1), np.zeros(2, np.int32))[1]["found_by_text"] == 1


def test_fellows_are_not_pushed_apart():
    """Equal pairs of one class are where the loss is least only if it is told that they are of one class."""
    pairs, turn = unit(np.array([[1, 0.0], [1, 0.0], [-1, 0.0]])), np.array([[0, 1], [0, -1], [0, 0]], np.float32)

    def apart(gap, label):
        moved = unit(pairs + gap * turn)
        return info_nce(moved, moved, np.float32(5), label)[0]

    fellows = np.array([0, 0, 1], np.int32)
    assert apart(0.5, fellows) > apart(0.0, fellows) and apart(0.5, None) < apart(0.0, None)

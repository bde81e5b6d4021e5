"""Pictures from captions without a network."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset, Vocabulary
from deeplearn.text_to_image.baselines import picture_baselines, recoloured

COLOURS = np.array([[0.9, 0.8, 0.7], [0.5, 0.4, 0.3], [0.2, 0.1, 0.1]], np.float32)  # of tones 1, 2, 3
KINDS = ("cook", "judge", "pilot", "clown")


def picture(kind, tone):
    """A shape of its own for each kind, in the colour of the tone, on white."""
    image = np.ones((4, 4, 3), np.float32)
    image[kind] = COLOURS[tone - 1]
    return image


def columns(cells, vocabulary=None):
    kind, tone = np.array(cells, np.int32).T
    text = [f"{KINDS[k]} tone{t}" for k, t in cells]
    found = {
        "image": np.stack([picture(k, t) for k, t in cells]),
        "kind": kind,
        "person": np.zeros_like(kind),
        "tone": tone,
        "label": kind * 4 + tone,
        "text": np.array(text, object),
    }
    if vocabulary:
        found["tokens"] = np.array([[2, *vocabulary.ids(one), 3] for one in text], np.int32)
        found["length"] = np.full(len(text), 4, np.int32)
    return found


TRAIN = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 3)]


def test_a_sibling_gets_the_colours_of_the_tone():
    train, asked = columns(TRAIN), columns([(2, 3), (3, 2)])
    np.testing.assert_allclose(recoloured(train, asked, 4), asked["image"], atol=1e-6)


def test_its_own_picture_is_never_copied():
    train = columns(TRAIN)
    asked = {key: column[:1].copy() for key, column in train.items()}
    train["image"][0] = 7  # the answer
    assert recoloured(train, asked, 4).max() < 7


@pytest.fixture(scope="module")
def rows():
    vocabulary = Vocabulary.words([" ".join([*KINDS, "tone1 tone2 tone3"])])
    made = {
        name: Arrays(columns(cells, vocabulary) | {"held_out": np.full(len(cells), new, np.int32)})
        for name, cells, new in (("train", TRAIN, 0), ("validation", [(2, 3)], 1), ("test", [(3, 2)], 1))
    }
    about = {"kinds": KINDS, "persons": ("",), "tones": ("", "1", "2", "3"), "held out": ("", "tone")}
    dataset = Dataset("cells", **made, vocabulary=vocabulary, about=about)
    return {name: thunk() for name, thunk in picture_baselines(dataset).items()}


def test_each_row_is_measured(rows):
    assert set(rows) == {"retrieval", "ridge on words and pairs", "kernel ridge", "sibling recoloured"}
    assert rows["retrieval"].metrics["identity_seen"] == 1 and rows["retrieval"].metrics["identity_tone"] == 0
    assert rows["sibling recoloured"].metrics["identity_tone"] == 1
    assert rows["ridge on words and pairs"].metrics["identity_seen"] == 1
    assert rows["kernel ridge"].metrics["identity_seen"] == 1


def test_the_kernel_is_ridge_regression_of_scikit_learn(rows):
    """On the cosine's cube, with the penalty that was chosen."""
    from sklearn.kernel_ridge import KernelRidge

    known = [*KINDS, "tone1", "tone2", "tone3"]
    texts = columns([*TRAIN, (3, 2)])["text"]
    words = np.array([[word in text.split() for word in known] for text in texts]) / np.sqrt(2)
    target = columns(TRAIN)["image"].reshape(len(TRAIN), -1)
    model = KernelRidge(alpha=rows["kernel ridge"].metrics["penalty"], kernel="poly", degree=3, gamma=1, coef0=0)
    made = model.fit(words[:-1], target - target.mean(0)).predict(words[-1:]) + target.mean(0)
    np.testing.assert_allclose(rows["kernel ridge"].arrays["image"][0].ravel(), np.clip(made[0], 0, 1), atol=1e-4)

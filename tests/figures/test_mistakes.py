"""Confusion and mistakes of a classifier, as they are handed to the drawing functions."""

import numpy as np

from deeplearn.figures import mistakes

IMAGES = np.random.default_rng(0).uniform(size=(6, 4, 4, 1))
LABEL, PREDICTED = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 1])


def test_examples_are_counted_by_label_and_prediction(monkeypatch):
    drawn = {}
    monkeypatch.setattr(mistakes, "heat_map", lambda values, *args, **keywords: drawn.update(confusion=values))
    monkeypatch.setattr(mistakes, "image_grid", lambda images, columns, captions: drawn.update(captions=captions))
    found = mistakes.confusion_and_mistakes(IMAGES, LABEL, PREDICTED, ["a", "b", "c", "never"])
    assert set(found) == {"confusion", "mistakes"} and drawn == {}
    for draw in found.values():
        draw()
    assert drawn["confusion"].tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert drawn["captions"] == ["a → b", "c → a", "c → b"]


def test_a_classifier_without_mistakes_has_no_picture_of_any():
    assert set(mistakes.confusion_and_mistakes(IMAGES, LABEL, LABEL, ["a", "b", "c"])) == {"confusion"}


def test_one_class_alone_can_be_drawn_without_a_warning(recwarn):
    label = np.zeros(6, int)
    mistakes.confusion_and_mistakes(IMAGES, label, label, ["only"])["confusion"]()
    assert not recwarn


def test_of_thousands_of_classes_those_that_occur_are_counted(monkeypatch):
    drawn = {}
    monkeypatch.setattr(mistakes, "heat_map", lambda *args, **keywords: drawn.update(values=args[0], names=args[1]))
    label, predicted = np.array([0, 5000, 5000]), np.array([0, 5000, 7])
    mistakes.confusion_and_mistakes(IMAGES[:3], label, predicted, [f"id {n}" for n in range(5001)])["confusion"]()
    assert drawn["values"].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert drawn["names"] == ["id 0", "id 7", "id 5000"]


def test_wrong_texts_stand_beside_their_classes(monkeypatch):
    drawn = []
    monkeypatch.setattr(mistakes, "text_image", drawn.append)
    found = mistakes.confusion_and_wrong_texts(list("uvwxyz"), LABEL, PREDICTED, ["a", "b", "c" * 60])
    found["mistakes"]()
    rows = [line.split() for line in drawn[0].split("\n")]
    assert [row[0] for row in rows] == ["text", "v", "x", "z"]
    assert rows[1][1:] == ["a", "b"] and rows[2][2] == "a" and len(rows[2][1]) == mistakes.SHORT
    assert set(mistakes.confusion_and_wrong_texts(list("uvwxyz"), LABEL, LABEL, ["a", "b", "c"])) == {"confusion"}

"""Names that say how texts are cut, and the forms that texts become."""

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset
from deeplearn.data.cut import Cut, split_cut
from deeplearn.data.forms import FORMS, LENGTH, form_of
from deeplearn.errors import UserError

SPLITS = ("train", "validation", "test")


def made(**columns):
    """The same columns in each split, texts and numbers."""
    arrays = {key: np.array(x, object if isinstance(x[0], str) else np.int32) for key, x in columns.items()}
    return Dataset("made", *[Arrays(arrays)] * 3)


def test_what_stands_after_the_at():
    assert split_cut("csv:a@b.csv@word") == ("csv:a@b.csv", Cut("word", 20_000))
    assert split_cut("names/languages@piece:2000") == ("names/languages", Cut("piece", 2000))
    assert split_cut("mnist@64") == ("mnist@64", None) and split_cut("text:word") == ("text:word", None)
    with pytest.raises(
        UserError, match="says @words: texts are cut by @character, @word, @piece; did you mean @word"
    ):
        split_cut("csv:x.csv@words:50")
    assert split_cut("text:me@home") == ("text:me@home", None)
    with pytest.raises(UserError, match="allows 0 words: allow at least 1, such as @word:20000"):
        split_cut("x@word:0")
    with pytest.raises(UserError, match="allows 99 pieces: allow at least 256"):
        split_cut("x@piece:99")


@pytest.mark.parametrize("level", ["character", "word", "piece"])
def test_labelled_texts(level):
    found = FORMS["labelled"](made(text=["a b, a", "", "b"], label=[1, 0, 1], id=[7, 8, 9]), Cut(level, 260))
    arrays = found.test.arrays()
    assert set(arrays) == {"text", "tokens", "length", "label", "id"}
    assert arrays["text"].tolist() == ["a b, a", "", "b"] and arrays["label"].tolist() == [1, 0, 1]
    assert found.vocabulary.level == level
    assert arrays["tokens"][1, 0] == found.vocabulary.unknown and arrays["length"][1] == 1
    written = [found.vocabulary.text(row[:n]) for row, n in zip(arrays["tokens"], arrays["length"], strict=True)]
    assert written == ["a b , a" if level == "word" else "a b, a", "<unknown>", "b"]
    assert any("3 of 3 texts in test are in train" in note for note in found.notes)


def test_pairs_are_enclosed_and_have_their_texts():
    arrays = FORMS["pairs"](made(source=["ab"], target=["c"]), None).train.arrays()
    assert set(arrays) == {"source", "source_length", "source_text", "target", "target_length", "target_text"}
    assert arrays["source"].tolist() == [[4, 5]] and arrays["target"].tolist() == [[2, 6, 3]]
    assert arrays["source_text"].tolist() == ["ab"] and arrays["target_text"].tolist() == ["c"]


def test_captions_are_words_between_begin_and_end():
    found = FORMS["captions"](made(text=["red cat", "cat"], image=[0, 1]), None)
    arrays = found.validation.arrays()
    assert arrays["tokens"].tolist() == [[2, 5, 4, 3], [2, 4, 3, 0]] and arrays["length"].tolist() == [4, 3]
    assert arrays["text"].tolist() == ["red cat", "cat"] and arrays["image"].tolist() == [0, 1]


def test_every_character_has_its_tag():
    found = FORMS["tagged"](made(text=["ab a", "b"], tags=["bbac", "a"]), None)
    arrays = found.train.arrays()
    assert arrays["tags"].tolist() == [[1, 1, 0, 2], [0, 0, 0, 0]] and arrays["length"].tolist() == [4, 1]
    assert set(arrays) == {"tokens", "tags", "length"}
    with pytest.raises(UserError, match="every character of made has a tag: leave out @word"):
        FORMS["tagged"](made(text=["ab"], tags=["ab"]), Cut("word"))


def test_windows_of_texts_joined():
    found = FORMS["text"](made(text=["ab" * 70, "c"]), None)
    arrays = found.test.arrays()
    assert arrays["tokens"].shape == (2, LENGTH) and arrays["length"].tolist() == [LENGTH, 13]
    with pytest.raises(UserError, match="made has no word in train: it needs a longer text"):
        FORMS["text"](made(text=["  "]), Cut("word"))


def test_the_form_of_a_set_that_somebody_else_made():
    assert form_of(made(sentence=["a"], label=[0])) == "labelled"
    assert form_of(made(text=["a"])) == "text"
    assert form_of(made(text=["a"], image=[0], label=[0])) is None
    assert form_of(made(movie_title=["a"], user_id=[0])) is None and form_of(made(label=[0])) is None


def test_the_user_s_files_are_cut_as_their_names_say(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"the {n} cats,{n % 2}\n" for n in range(20)))
    by_word = data.load(f"csv:{tmp_path}/a.csv@word")
    assert by_word.train.arrays()["tokens"].shape == (16, 3) and by_word.name.endswith("a.csv@word")
    fewer = data.load(f"csv:{tmp_path}/a.csv@word:2")
    assert len(fewer.vocabulary) == 4 + 2 and fewer.fingerprint() != by_word.fingerprint()
    (tmp_path / "a.txt").write_text("the cats and the dogs " * 30)
    pieces = data.load(f"text:{tmp_path}/a.txt@piece:300")
    parts = [pieces.vocabulary.text(row) for row in pieces.train.arrays()["tokens"]]
    assert "".join(parts) == ("the cats and the dogs " * 30)[: 660 * 8 // 10]


def test_a_set_without_texts_is_not_cut(tmp_path):
    with pytest.raises(UserError, match="digits has no text to be cut into words: leave out @word"):
        data.load("digits@word")

"""Files of word vectors: gensim's are read as gensim reads them, ours come back, damage is one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.vectors import Subwords, Vectors, fasttext_file, read, write

GOLDEN = Path(__file__).parent.parent / "golden" / "word_vectors"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
SUBWORDS = Subwords(*(np.random.default_rng(n).normal(size=(3, 4)).astype("f4") for n in (0, 1)), 2, 3)


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin"])
def test_word2vec_s_forms_as_gensim_writes_them(name):
    found = read(GOLDEN / name)
    assert list(found.words) == EXPECTED["words"]
    np.testing.assert_allclose(found.table, EXPECTED["vectors"], rtol=1e-6)


def test_fasttext_s_form_as_gensim_reads_it():
    found = read(GOLDEN / "fasttext.bin")
    for word, vector in EXPECTED["fasttext"].items():
        np.testing.assert_allclose(found[word], vector, rtol=1e-5, atol=1e-7)
    assert dict(zip(found.words, found.counts.tolist(), strict=True)) == EXPECTED["counts"]


@pytest.mark.parametrize("name", ["a.txt", "a.vec", "a.bin"])
def test_what_is_written_is_read(tmp_path, name):
    vectors = Vectors(("one", "zwei", "三"), np.random.default_rng(0).normal(size=(3, 5)).astype("f4"))
    write(vectors, tmp_path / name)
    found = read(tmp_path / name)
    assert found.words == vectors.words
    np.testing.assert_array_equal(found.table, vectors.table)


def test_so_are_n_grams(tmp_path):
    vectors = Vectors.of_subwords(("one", "zwei", "三"), SUBWORDS, np.array([5, 2, 1]))
    write(vectors, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes()[:4] == fasttext_file.MAGIC
    found = read(tmp_path / "a.bin")
    np.testing.assert_array_equal(found.table, vectors.table)
    np.testing.assert_array_equal(found["onezwei"], vectors["onezwei"])
    np.testing.assert_array_equal(found.counts, [5, 2, 1])


def test_glove_s_form_has_no_first_line(tmp_path):
    (tmp_path / "glove.txt").write_text("the 1 2\n, -1 0.5\n")
    found = read(tmp_path / "glove.txt")
    assert found.words == ("the", ",")
    np.testing.assert_array_equal(found.table, [[1, 2], [-1, 0.5]])


def test_of_a_word_that_comes_twice_the_first_vector_is_taken(tmp_path):
    (tmp_path / "a.txt").write_text("3 1\na 1\nb 2\na 3\n")
    assert read(tmp_path / "a.txt").table.ravel().tolist() == [1, 2]


WRONG = {
    "3 2\na 1 2\nb 1\nc 1 2\n": "line 3 of .*should be a word and 2 numbers.*has 1 field",
    "2 2\na 1 2\nb 1 x\n": "line 3 of .*should be a word and 2 numbers",
    "3 2\na 1 2\nb 1 2\n": "should have 3 vectors, but has 2: it is cut short",
    "1 2\na nan 1\n": "the vector of 'a' .*not finite",
    "0 3\n": "says in its first line that it has 0 vectors",
    "word\n": "line 1 of .*should be a word and some numbers",
    "": "should have some vectors, but has 0",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_damaged_text_is_one_sentence(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(UserError, match=WRONG[text]):
        read(tmp_path / "a.txt")


TEXTS = {
    b"3 10\none 1 2 3\ntwo 1 2 3 4 5 6 7 8 9 10\n": "line 2 of .*has 3 field",
    b"2 12\none 1 2 3 4 5 6 7 8 9 10\ntwo 1 2 3 4 5 6 7 8 9 10\n": "line 2 of .*has 10 field",
    b"2 3\ntwo words 1 2 3\nb 1 2 3\n": "line 2 of .*has 4 field",
    "2 2\ncafé 1 2\nété 1 2\n".encode("latin-1"): "neither word2vec's text in UTF-8",
}


@pytest.mark.parametrize("data", TEXTS, ids=range(len(TEXTS)))
def test_a_text_is_not_taken_for_binary(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UserError, match=TEXTS[data]):
        read(tmp_path / "a.txt")


def test_a_byte_order_mark_and_an_empty_last_line_are_nothing(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeff2 2\nne 1 2\nétoile 3 4\n\n".encode())
    assert read(tmp_path / "a.txt").words == ("ne", "étoile")
    (tmp_path / "b.txt").write_text("9" * 5000 + " 3\n")  # no header, but a word
    assert len(read(tmp_path / "b.txt").words[0]) == 5000


@pytest.mark.parametrize("width", [1, 2, 5, 300])
def test_binary_files_of_any_width(tmp_path, width):
    words = tuple(f"wörd{n}" for n in range(30))
    for seed in range(20):
        table = np.random.default_rng(seed).normal(size=(30, width)).astype("f4")
        write(Vectors(words, table), tmp_path / "a.bin")
        np.testing.assert_array_equal(read(tmp_path / "a.bin").table, table)


def test_so_is_any_other_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.bin")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="holds no word vectors"):
        read(tmp_path / "noise.bin")
    whole = (GOLDEN / "vectors.bin").read_bytes()
    (tmp_path / "short.bin").write_bytes(whole[:-3])
    with pytest.raises(UserError, match="should have 4 vectors, but is cut short after 3"):
        read(tmp_path / "short.bin")


@pytest.mark.parametrize("place", range(0, 200, 9))
def test_a_fasttext_model_cut_anywhere_is_one_sentence(tmp_path, place):
    (tmp_path / "a.bin").write_bytes((GOLDEN / "fasttext.bin").read_bytes()[: 5 + place])
    with pytest.raises(UserError, match="cut short"):
        read(tmp_path / "a.bin")


def test_other_fasttext_models_are_refused(tmp_path):
    whole = (GOLDEN / "fasttext.bin").read_bytes()
    (tmp_path / "old.bin").write_bytes(whole[:4] + bytes([9]) + whole[5:])
    with pytest.raises(UserError, match="version 9: versions 11 and 12 are read"):
        read(tmp_path / "old.bin")


def test_a_fasttext_model_without_words_is_damaged(tmp_path):
    whole = bytearray((GOLDEN / "fasttext.bin").read_bytes())
    place = 8 + fasttext_file.SETTINGS.size + 4  # of the number of words, after that of entries
    whole[place : place + 4] = bytes(4)
    (tmp_path / "none.bin").write_bytes(whole)
    with pytest.raises(UserError, match=r"it has 0 of .* words.*damaged"):
        read(tmp_path / "none.bin")


def test_what_cannot_be_written(tmp_path):
    vectors = Vectors(("one", "two words"), np.ones((2, 3), "f4"))
    with pytest.raises(UserError, match=r"should end in \.txt or \.vec"):
        write(vectors, tmp_path / "a.npz")
    with pytest.raises(UserError, match="'two words' cannot be written"):
        write(vectors, tmp_path / "a.txt")
    with pytest.raises(UserError, match="cannot be written"):
        write(Vectors(("one",), np.ones((1, 3), "f4")), tmp_path / "no" / "a.txt")

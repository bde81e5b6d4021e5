"""The user's own texts: what is read of a right file."""

import json
from pathlib import Path

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import csv_texts
from deeplearn.data.description import describe, stand_in
from deeplearn.data.text import LENGTH

SPLITS = ("train", "validation", "test")
# The last lines hold a character, or a word, of their own.
TEXT = "".join(f"Line {number}: all of us,\nand you.\n\n" for number in range(100)) + "ž" * 9
CSV = "".join(f'"text {n}, or {n % 7}",{"good" if n % 3 else "bad"}\n' for n in range(40))
PAIRS = "".join(f"{n} of May\t5月{n}日\n" for n in range(1, 31))
CONLL = "".join(
    f"Ms.\tO\nW{n}\tB-PER\nBell\tI-PER\n" + "in\tO\nUS\tB-LOC\nA.\tI-LOC\n" * (n % 3) + "\n" for n in range(20)
)
FILES = {"text": TEXT, "csv": "text,label\n" + CSV, "pairs": PAIRS, "conll": CONLL}


@pytest.fixture
def load(tmp_path):
    def write_and_load(kind, content, encoding="utf-8"):
        (tmp_path / "in.txt").write_bytes(content.encode(encoding))
        return data.load(f"{kind}:{tmp_path}/in.txt", tmp_path / "never made")

    return write_and_load


def rows(dataset, split, column, length):
    """The sequences of a column without their padding, which is all 0."""
    arrays = getattr(dataset, split).arrays()
    assert arrays[column].dtype == arrays[length].dtype == np.int32
    for row, count in zip(arrays[column], arrays[length], strict=True):
        assert not row[count:].any()
    return [row[:count].tolist() for row, count in zip(arrays[column], arrays[length], strict=True)]


def written(dataset, split, column="tokens", length="length"):
    vocabulary = dataset.vocabulary
    return [vocabulary.join(vocabulary.decode(row)) for row in rows(dataset, split, column, length)]


def known(text, vocabulary):
    return vocabulary.join(token if token in vocabulary.tokens else "<unknown>" for token in vocabulary.cut(text))


def test_a_text_is_cut_in_its_order(load):
    dataset = load("text", TEXT)
    parts = {split: "".join(written(dataset, split)) for split in SPLITS}
    assert parts["train"] + parts["validation"] + parts["test"] == TEXT.replace("ž", "<unknown>")
    assert len(parts["train"]) == len(TEXT) * 8 // 10
    assert set(dataset.vocabulary.tokens[4:]) == set(parts["train"])
    for split in SPLITS:
        lengths = getattr(dataset, split).arrays()["length"]
        assert (lengths[:-1] == LENGTH).all() and 0 < lengths[-1] <= LENGTH
        assert getattr(dataset, split).spec["tokens"].shape == (LENGTH,)
    assert dataset.notes[0].startswith(f"{len(TEXT):,} characters, cut in their order: 80 % train")
    assert dataset.notes[1].startswith(
        f"9 of {len(TEXT) - len(TEXT) * 9 // 10} characters in test are not in train"
    )


@pytest.mark.parametrize("count", [10, 10 * LENGTH, 10 * LENGTH + 1])
def test_short_texts_and_whole_windows(count, load):
    dataset = load("text", "abcde" * (count // 5) + "a" * (count % 5))
    assert [sum(map(len, written(dataset, split))) for split in SPLITS] == [
        count * 8 // 10,
        count * 9 // 10 - count * 8 // 10,
        count - count * 9 // 10,
    ]
    assert all(row for split in SPLITS for row in written(dataset, split))
    assert dataset.test.spec["tokens"].shape == (LENGTH,)


def test_texts_with_labels(load):
    dataset = load("csv", FILES["csv"])
    assert [len(getattr(dataset, split)) for split in SPLITS] == [32, 4, 4]
    assert dataset.classes == ("bad", "good")
    found = {}
    for split in SPLITS:
        labels = getattr(dataset, split).arrays()["label"]
        assert labels.dtype == np.int32 and set(labels) == {0, 1}
        found |= dict(zip(written(dataset, split), labels, strict=True))
    expected = {f"text {n}, or {n % 7}": int(n % 3 > 0) for n in range(40)}
    assert found == {known(text, dataset.vocabulary): label for text, label in expected.items()}
    assert "columns that are read: text, label" in dataset.notes
    assert "40 texts of 12 to 13 characters" in dataset.notes
    assert "2 class(es): bad, good" in dataset.notes


@pytest.mark.parametrize(
    "head, line, text",
    [
        ("Review;id;Sentiment", "so; 7 ;good", "so"),
        ("label\ttext", "good\t so, so ", "so, so"),
        ("Text,Category", '"a ""b""\n\nc",good', 'a "b"\n\nc'),
        ("title|text|target", "x|y|good", "y"),
        ("text,text,label", "x,y,good", "x"),
    ],
)
def test_columns_by_their_usual_names(head, line, text, load):
    dataset = load("csv", "\n".join([head, *[line] * 10]) + "\n\n")
    assert written(dataset, "test") == [text] and dataset.classes == ("good",)
    assert "1 of 1 texts in test are in train, too: its numbers will be too good" in dataset.notes


def test_splits_that_are_given(load):
    lines = [f"a{n},{n % 2},{split}" for split in ("train", "dev", "Test") for n in range(5)]
    dataset = load("csv", "\n".join(["text,label,split", *lines, "žž,1,test"]))
    assert [len(getattr(dataset, split)) for split in SPLITS] == [5, 5, 6]
    assert "ž" not in dataset.vocabulary.tokens
    assert written(dataset, "test")[-1] == "<unknown><unknown>"
    assert any(note.startswith("2 of 12 characters in test are not in train") for note in dataset.notes)


def test_pairs(load):
    dataset = load("pairs", PAIRS)
    assert [len(getattr(dataset, split)) for split in SPLITS] == [24, 3, 3]
    begin, end = dataset.vocabulary.begin, dataset.vocabulary.end
    found = set()
    for split in SPLITS:
        targets = rows(dataset, split, "target", "target_length")
        assert all((row[0], row[-1]) == (begin, end) and not {begin, end} & set(row[1:-1]) for row in targets)
        assert not any({begin, end} & set(row) for row in rows(dataset, split, "source", "source_length"))
        found |= set(
            zip(
                written(dataset, split, "source", "source_length"),
                written(dataset, split, "target", "target_length"),
                strict=True,
            )
        )
    assert found == {(f"{n} of May", f"5月{n}日") for n in range(1, 31)}
    assert "30 sources of 8 to 9 characters" in dataset.notes and "30 targets of 4 to 5 characters" in dataset.notes


def test_pairs_have_the_vocabulary_of_train_and_two_columns(load):
    signs = [chr(0x4E00 + n) for n in range(20)]
    dataset = load("pairs", "".join(f"{n % 3}\t {sign} \tsomebody\n" for n, sign in enumerate(signs)))
    unknown = dataset.vocabulary.unknown
    assert len(dataset.vocabulary) == 4 + 3 + 16 and set(dataset.vocabulary.tokens[7:]) < set(signs)
    assert rows(dataset, "test", "target", "target_length") == [[2, unknown, 3]] * 2
    assert dataset.notes[0] == "the first 2 of 3 columns are read"
    assert "2 of 2 sources in test are in train, too: its numbers will be too good" in dataset.notes


def test_tagged_sentences(load):
    dataset = load("conll", CONLL)
    assert [len(getattr(dataset, split)) for split in SPLITS] == [16, 2, 2]
    assert dataset.classes == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    found = []
    for split in SPLITS:
        tags = rows(dataset, split, "tags", "length")
        for sentence, row in zip(rows(dataset, split, "tokens", "length"), tags, strict=True):
            assert [dataset.classes[tag] for tag in row] == ["O", "B-PER", "I-PER", *("O", "B-LOC", "I-LOC") * 2][
                : len(row)
            ]
            found.append([dataset.vocabulary.tokens[number] for number in sentence])
    names = sorted(sentence[1] for sentence in found[:16])
    assert sorted(map(len, found)) == [3] * 7 + [6] * 7 + [9] * 6
    assert {tuple(one[3:]) for one in found} == {(), ("in", "US", "A."), ("in", "US", "A.") * 2}
    # Each name comes once: those of validation and test are unknown.
    assert len(set(names)) == 16 and {sentence[1] for sentence in found[16:]} == {"<unknown>"}
    assert "5 tags: O, B-LOC, I-LOC, B-PER, I-PER" in dataset.notes


def test_conll_2003_has_four_columns(load):
    sentence = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n<pad> X O O\n\n\n"
    dataset = load("conll", "-DOCSTART- -X- -X- O\n\n" + sentence * 10)
    assert rows(dataset, "test", "tags", "length") == [[1, 0, 0]]
    assert written(dataset, "test") == ["EU rejects <unknown>"]
    assert dataset.vocabulary.tokens[4:] == ("EU", "rejects")
    assert "the first and the last of 4 columns are read" in dataset.notes
    assert "lines of -DOCSTART- that are left out: 1" in dataset.notes


@pytest.mark.parametrize("kind", FILES)
def test_line_ends_a_mark_of_order_and_empty_lines_at_the_end_change_nothing(kind, load):
    plain = load(kind, FILES[kind]).fingerprint()
    for content, encoding in (
        (FILES[kind], "utf-8-sig"),
        (FILES[kind].replace("\n", "\r\n"), "utf-8"),
        (FILES[kind] + ("" if kind == "text" else "\n \n\n"), "utf-8"),
    ):
        assert load(kind, content, encoding).fingerprint() == plain
    assert load(kind, FILES[kind].replace("1", "3", 1)).fingerprint() != plain


@pytest.mark.parametrize("kind", FILES)
def test_a_description_holds_vocabulary_classes_and_shapes(kind, load):
    dataset = load(kind, FILES[kind])
    found = stand_in(json.loads(json.dumps(describe(dataset))))
    assert (found.name, found.vocabulary, found.classes) == (dataset.name, dataset.vocabulary, dataset.classes)
    assert found.about == dataset.about
    for split in SPLITS:
        one, other = getattr(found, split), getattr(dataset, split)
        assert one.spec == other.spec == dataset.train.spec
        assert len(one) == len(other) and one.texts == other.texts


@pytest.mark.parametrize("kind", FILES)
def test_batches_have_few_widths(kind, load):
    stream = data.stream(load(kind, FILES[kind]).train, batch_size=2, seed=0)
    for column in {"tokens", "source", "target", "tags"} & set(stream.spec):
        assert len({stream.batch(index)[column].shape for index in range(30)}) <= 4


def test_rows_of_a_table_have_the_numbers_of_their_first_lines():
    text = 'text,label\n"two\nlines",good\n a ,"say ""b"""\n\n'
    rows = [(1, ["text", "label"]), (2, ["two\nlines", "good"]), (4, ["a", 'say "b"'])]
    assert csv_texts.table(Path("in.csv"), text) == rows
    for separator in ";\t|":
        found = csv_texts.table(Path("in.csv"), f"a{separator}b\n1{separator}2,3\n")
        assert found == [(1, ["a", "b"]), (2, ["1", "2,3"])]

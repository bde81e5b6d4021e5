"""names/languages and sentiment/words: what is in them, and that nothing of test is known from training."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import names, sentiment
from deeplearn.data.partition import by_key

SPLITS = ("train", "validation", "test")


def rows(name, data_dir):
    dataset = data.load(name, data_dir)
    return dataset, {split: getattr(dataset, split).arrays() for split in SPLITS}


@pytest.mark.parametrize(
    "name, sizes", [("names/languages", (9780, 1385, 2885)), ("sentiment/words", (5304, 714, 1488))]
)
def test_their_sizes(name, sizes, data_dir):
    """Another edition of Babel may have others: then a new version of the builder is due."""
    _, parts = rows(name, data_dir)
    assert tuple(len(part["text"]) for part in parts.values()) == sizes


def test_every_name_is_of_one_language_alone(data_dir):
    dataset, parts = rows("names/languages", data_dir)
    assert dataset.name == "names/languages" and dataset.classes == tuple(names.LANGUAGES.values())
    texts = np.concatenate([part["text"] for part in parts.values()])
    assert max(Counter(text.casefold() for text in texts).values()) == 1
    named = dict(zip(texts, np.concatenate([part["label"] for part in parts.values()]), strict=True))
    english = {text for text, label in named.items() if dataset.classes[label] == "English"}
    assert {"Germany", "New Zealand Dollar"} <= english and "Angola" not in named
    assert dataset.classes[named["Neuseeland-Dollar"]] == "German"
    assert set(dataset.vocabulary.tokens[4:]) == set("".join(parts["train"]["text"]))


def test_all_names_of_a_territory_language_or_currency_are_in_one_split(data_dir):
    _, parts = rows("names/languages", data_dir)
    where = {text: split for split, part in parts.items() for text in part["text"]}
    found = defaultdict(set)
    for key, _, name in names.names():
        found[key].add(where[name])
    assert len(found) > 1000 and all(len(splits) == 1 for splits in found.values())
    sizes = Counter(next(iter(splits)) for splits in found.values())
    assert sizes["test"] == pytest.approx(0.2 * len(found), abs=2)


def test_words_have_the_sign_of_their_rating_and_inflections_stay_together(data_dir):
    dataset, parts = rows("sentiment/words", data_dir)
    assert dataset.classes == ("negative", "positive")
    for part in parts.values():
        np.testing.assert_array_equal(part["label"], part["rating"] > 0)
        assert (np.abs(part["rating"]) > 0).all() and part["rating"].dtype == np.float32
    where = {text: split for split, part in parts.items() for text in part["text"]}
    rating = {text: x for part in parts.values() for text, x in zip(part["text"], part["rating"], strict=True)}
    assert len(where) == sum(len(part["text"]) for part in parts.values())
    # As the lexicon's own file has them.
    assert rating["catastrophic"] == pytest.approx(-2.2) and rating[":)"] == pytest.approx(2.0)
    assert len({where[word] for word in where if word.startswith("trag")}) == 1
    assert sentiment.stem("Happy") == sentiment.stem("happiness") != sentiment.stem("unhappy")


def test_keys_are_cut_70_10_20_and_each_is_in_one_split():
    split = by_key([f"k{n % 100}" for n in range(300)], seed=0)
    assert Counter(split.values()) == {"train": 70, "validation": 10, "test": 20}
    assert split == by_key(sorted(split, reverse=True), seed=0) != by_key(split, seed=1)

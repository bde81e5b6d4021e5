"""Data as people have them, made of the pretended: few, of one class, of odd shapes and names, with odd labels.

Each function of `ODD` takes a data set and returns it changed, or None where the change makes no sense for it.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from deeplearn.data import Arrays, Dataset
from deeplearn.data.split import PICTURES

NAMES = ("$x_1", "two\nlines", "猫と犬", "long " * 60, "", "\\frac{1}", "a^b_{c$", "-1", "é" * 30, "<b>&amp;")
IDS = (0, 1, 5000)
LABELS = {"label", "target_label"}


def rebuilt(
    dataset: Dataset, change: Callable[[dict[str, np.ndarray], str], dict[str, np.ndarray]], **facts
) -> Dataset:
    """With the columns that `change(columns, name of the split)` returns."""
    splits = {
        name: Arrays(change(dict(getattr(dataset, name).arrays()), name))
        for name in ("train", "validation", "test")
    }
    return dataclasses.replace(dataset, **splits, facts={}, **facts)


def first(sizes: dict[str, int]) -> Callable[[Dataset], Dataset]:
    """The first rows of each split; of a series, whose rows follow each other, as well."""
    return lambda dataset: rebuilt(
        dataset, lambda columns, name: {key: x[: sizes[name]] for key, x in columns.items()}
    )


def images(
    change: Callable[[np.ndarray], np.ndarray], levels: int | None = 256
) -> Callable[[Dataset], Dataset | None]:
    def odd(dataset: Dataset) -> Dataset | None:
        pictures = [key for key in PICTURES if len(dataset.train.spec.get(key, np.zeros(())).shape) == 3]
        if not pictures:
            return None
        return rebuilt(dataset, lambda columns, _: columns | {key: change(columns[key]) for key in pictures})

    return odd


def labelled(
    relabel: Callable[[np.ndarray, str], np.ndarray], classes: Callable[[Dataset], tuple[str, ...]]
) -> Callable[[Dataset], Dataset | None]:
    def odd(dataset: Dataset) -> Dataset | None:
        if not {"image", "label"} <= set(dataset.train.spec):
            return None
        return rebuilt(
            dataset,
            lambda columns, name: {
                key: relabel(x, name).astype(np.int32) if key in LABELS else x for key, x in columns.items()
            },
            classes=classes(dataset),
        )

    return odd


def rare(label: np.ndarray, split: str) -> np.ndarray:
    """The last of three classes has two examples, in training and in test; validation has none."""
    number = np.arange(len(label)) % 2
    number[-1] = 2 if split in ("train", "test") else 0
    return number


def unlabelled(dataset: Dataset) -> Dataset | None:
    if not {"image", "label"} <= set(dataset.train.spec):
        return None
    return rebuilt(dataset, lambda columns, _: {"image": columns["image"]}, classes=())


def constant(dataset: Dataset) -> Dataset | None:
    """All that is a number and no label, time or id has one value."""

    def change(columns, _):
        still = {"point", "value", "user_rating", "features"}
        return {
            key: np.full_like(x, 0.5)
            if key in PICTURES and x.ndim == 4
            else np.full_like(x, 3)
            if key in still
            else x
            for key, x in columns.items()
        }

    return rebuilt(dataset, change)


def unequal(dataset: Dataset) -> Dataset | None:
    """Sources of another size than their targets."""
    if len(dataset.train.spec.get("source", np.zeros(())).shape) != 3:
        return None
    return rebuilt(dataset, lambda columns, _: {**columns, "source": columns["source"][:, 4:]})


def without_pairs(dataset: Dataset) -> Dataset | None:
    """Two sets of pictures of different sizes, of which nothing belongs together."""
    if len(dataset.train.spec.get("source", np.zeros(())).shape) != 3:
        return None
    about = {**dataset.about, "paired": (), "sizes": (len(dataset.train) - 1, len(dataset.train))}
    return rebuilt(dataset, lambda columns, _: columns, about=about)


def one_user(dataset: Dataset) -> Dataset | None:
    if "user_id" not in dataset.train.spec:
        return None
    return rebuilt(dataset, lambda columns, _: {**columns, "user_id": np.zeros_like(columns["user_id"])})


def ids_of_users(dataset: Dataset) -> Dataset | None:
    if "user_id" not in dataset.train.spec:
        return None
    return rebuilt(dataset, lambda columns, _: {**columns, "user_id": columns["user_id"] * 317 + 5000})


def disliked(dataset: Dataset) -> Dataset | None:
    """No film is liked: nothing to rank."""
    if "user_id" not in dataset.train.spec:
        return None
    return rebuilt(dataset, lambda columns, _: {**columns, "user_rating": np.ones_like(columns["user_rating"])})


def one_mode(dataset: Dataset) -> Dataset | None:
    if "means" not in dataset.about:
        return None
    mean = dataset.about["means"][:1]
    return rebuilt(
        dataset,
        lambda columns, _: {"point": np.tile(mean, (len(columns["point"]), 1)).astype(np.float32)},
        about={**dataset.about, "means": mean},
    )


def unknown_modes(dataset: Dataset) -> Dataset | None:
    return dataclasses.replace(dataset, about={}) if "means" in dataset.about else None


def no_season(dataset: Dataset) -> Dataset | None:
    return dataclasses.replace(dataset, about={}) if "period" in dataset.about else None


def empty_text(dataset: Dataset) -> Dataset | None:
    """The first text of every split is empty."""
    if not (texts := dataset.train.texts):
        return None

    def change(columns, _):
        return {key: np.array(["", *x[1:]], object) if key in texts else x for key, x in columns.items()}

    return rebuilt(dataset, change)


def one_token(dataset: Dataset) -> Dataset | None:
    """Every sequence is one unknown token, or where it has a begin and an end nothing between."""
    if dataset.vocabulary is None or "children" in dataset.train.spec:
        return None
    begin, end = dataset.vocabulary.begin, dataset.vocabulary.end

    def change(columns, _):
        found = dict(columns)
        for key in SEQUENCES & columns.keys():
            enclosed = key != "tags" and (columns[key][:, 0] == begin).all()
            short = [begin, end] if enclosed else [0 if key == "tags" else dataset.vocabulary.unknown]
            found[key] = np.tile(np.array(short, np.int32), (len(columns[key]), 1))
            length = f"{key}_length" if f"{key}_length" in columns else "length"
            found[length] = np.full_like(columns[length], len(short))
        return found

    return rebuilt(dataset, change)


SEQUENCES = {"tokens", "source", "target", "tags"}

ODD: dict[str, Callable[[Dataset], Dataset | None]] = {
    "twenty": first({"train": 12, "validation": 4, "test": 4}),
    "sixty": first({"train": 48, "validation": 6, "test": 6}),
    "one_each": first({"train": 1, "validation": 1, "test": 1}),
    "one_class": labelled(lambda label, _: label * 0, lambda _: ("only",)),
    "pair": labelled(rare, lambda _: ("many", "some", "two")),
    "oblong_of_four_channels": images(
        lambda x: np.concatenate([x[..., :1]] * 3 + [np.ones_like(x[..., :1])], -1)[:, : x.shape[1] - 2]
    ),
    "one_pixel": images(lambda x: x[:, :1, :1]),
    "constant": constant,
    "names": labelled(lambda label, _: label % len(NAMES), lambda _: NAMES),
    "ids": labelled(lambda label, _: np.array(IDS)[label % len(IDS)], lambda _: tuple(map(str, range(5001)))),
    "unlabelled": unlabelled,
    "unequal": unequal,
    "without_pairs": without_pairs,
    "one_user": one_user,
    "ids_of_users": ids_of_users,
    "disliked": disliked,
    "one_mode": one_mode,
    "unknown_modes": unknown_modes,
    "no_season": no_season,
    "empty_text": empty_text,
    "one_token": one_token,
}

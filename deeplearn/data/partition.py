"""Cutting one sequence of examples into disjoint splits, by a fixed seed."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from deeplearn.data.labels import shown
from deeplearn.errors import UserError

# A data set without a validation (or test) split gives up a tenth of its training split, at most this many.
CARVE_LIMIT = 5000


def stratified(labels: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Disjoint index arrays of exactly `sizes`, each with the classes of `labels` [N] in proportion (± 1).

    Systematic sampling: put the shuffled examples in order of class and take every (N / size)-th. The last
    array holds what is left when sum(sizes) < N, so there is one array more than `sizes`. Each is shuffled.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    left = shuffled[np.argsort(labels[shuffled], kind="stable")]
    parts = []
    for size in sizes:
        taken = ((np.arange(size) + 0.5) * len(left) / size).astype(int) if size else np.arange(0)
        parts.append(rng.permutation(left[taken]))
        left = np.delete(left, taken)
    return [*parts, rng.permutation(left)]


def train_validation_test(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of an 80 / 10 / 10 stratified partition of N >= 3 examples."""
    tenth = max(1, round(len(labels) / 10))
    validation, test, train = stratified(labels, [tenth, tenth], seed)
    return train, validation, test


def carve(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (kept, carved): a stratified tenth, at most CARVE_LIMIT, is taken out of N >= 2 examples."""
    tenth = min(max(1, round(len(labels) / 10)), CARVE_LIMIT)
    carved, kept = stratified(labels, [tenth], seed)
    return kept, carved


def by_key(keys: Iterable[Hashable], seed: int) -> dict[Hashable, str]:
    """{key: its split}: 70 / 10 / 20 % of the keys, so that all examples of a key are in one split.

    keys: that can be sorted; each counts once, however often it comes.
    """
    different = sorted(set(keys))  # type: ignore[type-var]
    order = np.random.default_rng(seed).permutation(len(different))
    ends = {"train": 0.7, "validation": 0.8, "test": 1.0}
    splits = (next(split for split, end in ends.items() if place < end * len(different)) for place in order)
    return dict(zip(different, splits, strict=True))


def own_splits(
    given: Mapping[str, np.ndarray], labels: np.ndarray, classes: Sequence[str], seed: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """({split: indices}, notes) of a user's examples: the splits that are given, and the others cut out of train.

    given: indices by split; {"train": all} where there are no splits. labels: [N], the class of each example, zeros
    where there are none. A class with fewer than three examples stays in train as a whole. UserError where train is
    too small to be cut.
    """
    if "train" not in given:
        raise UserError(f"there are examples in {shown(given)}, but none in train: add some.")
    train = given["train"]
    if empty := [split for split, rows in given.items() if not len(rows)]:
        raise UserError(f"there are no examples in {shown(empty)}: leave it out, or add some.")
    missing = [split for split in ("validation", "test") if split not in given]
    if len(train) <= len(missing):
        raise UserError(
            f"there are only {len(train)} examples to be cut into train, {' and '.join(missing)}: at least "
            f"{len(missing) + 1} are needed."
        )
    counts = np.bincount(labels[train], minlength=max(1, len(classes)))
    small = np.isin(labels[train], np.flatnonzero(counts < 3))
    if (~small).sum() < 3:  # nothing else is left to be cut
        small[:] = False
    whole, rest = train[small], train[~small]
    notes = []
    if len(missing) == 2:
        kept, *cut = train_validation_test(labels[rest], seed)
        notes.append("cut by a fixed seed: 80 % train, 10 % validation, 10 % test")
    elif missing:
        kept, *cut = carve(labels[rest], seed)
        notes.append(f"{missing[0]} is cut out of train by a fixed seed: a tenth, at most {CARVE_LIMIT:,}")
    else:
        kept, cut = np.arange(len(rest)), []
    if missing and small.any():
        tiny = [f"{name} ({count})" for name, count in zip(classes, counts, strict=False) if 0 < count < 3]
        notes.append(f"classes too small to be split, all in train: {shown(tiny)}")
    orders = {**given, "train": np.concatenate([rest[kept], whole]) if len(whole) else rest[kept]}
    orders |= {split: rest[rows] for split, rows in zip(missing, cut, strict=True)}
    for split in ("train", "validation", "test"):
        if absent := absent_classes(labels[orders[split]], classes):
            notes.append(f"classes without an example in {split}: {shown(absent)}")
    return {split: orders[split] for split in ("train", "validation", "test")}, notes


def absent_classes(labels: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """The classes of which there is no label."""
    present = set(labels.tolist())
    return tuple(name for number, name in enumerate(classes) if number not in present)


def repeated(
    examples: Sequence[np.ndarray] | np.ndarray, orders: Mapping[str, np.ndarray], what: str = "images"
) -> list[str]:
    """A note for each split that has examples of train, equal in every byte: what is measured on it is too good."""
    hashes = {split: [hash(examples[row].tobytes()) for row in order] for split, order in orders.items()}
    train = set(hashes["train"])
    counts = {split: sum(one in train for one in hashes[split]) for split in ("validation", "test")}
    return [
        f"{count} of {len(hashes[split])} {what} in {split} are in train, too: its numbers will be too good"
        for split, count in counts.items()
        if count
    ]

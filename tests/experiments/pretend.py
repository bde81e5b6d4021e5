"""Small stand-ins for data sets, of the right shapes: for tests of what does not depend on the data."""

import dataclasses

import numpy as np

from deeplearn.data import Arrays, Dataset
from deeplearn.data.builders import OWN
from deeplearn.data.cut import split_cut
from deeplearn.data.domains import joined
from deeplearn.data.endless import load_endless
from deeplearn.data.forms import FORMS
from deeplearn.data.listops import binary, generated
from deeplearn.data.names import load
from deeplearn.data.ragged import Ragged, halvings

IMAGES = {"digits": (8, 8, 1), "glyphs": (28, 28, 1), "mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
# Pairs of pictures: pixels a side, as few as their networks allow, channels of source and of target.
PAIRS = {"outlines/emoji": (24, 1, 3), "unpaired/fonts": (8, 1, 1), "unpaired/skin_tones": (24, 3, 3)}
IMAGES |= {"stl10@64": (64, 64, 3), "svhn_cropped": (32, 32, 3), "domains/type": (8, 8, 1)}


def pretend(name: str, size: int = 256) -> Dataset:
    rng = np.random.default_rng(0)
    if name.startswith("domains:"):
        return dataclasses.replace(joined(*map(pretend, name.removeprefix("domains:").split(","))), name=name)
    classes = 47 if name == "glyphs" else 10
    if name in IMAGES:
        label = (np.arange(size) % classes).astype(np.int32)
        # A pattern for each class and noise: baselines that iterate until they converge do so soon.
        patterns, noise = (rng.uniform(size=(n, *IMAGES[name])) for n in (classes, size))
        columns = {"image": (0.8 * patterns[label] + 0.2 * noise).astype(np.float32), "label": label}
        # A small test split: what is measured on it costs the most.
        train, test = Arrays(columns), Arrays({key: column[:96] for key, column in columns.items()})
        return Dataset(name, train, train, test, classes=tuple(map(str, range(classes))), levels=256, about={})
    if name == "stacked_glyphs":  # two kinds in each of three channels
        label = (np.arange(size) % 8).astype(np.int32)
        kind = label[:, None] // np.array([4, 2, 1]) % 2
        patterns, noise = rng.uniform(size=(2, 14, 14)), rng.uniform(size=(size, 14, 14, 3))
        image = (0.8 * np.moveaxis(patterns[kind], 1, -1) + 0.2 * noise).astype(np.float32)
        split = Arrays({"image": image, "label": label})
        return Dataset(name, *[split] * 3, classes=tuple(map(str, range(8))), levels=256, about={})
    if name in PAIRS:
        # Targets are sources in other colours, so that there is something to learn.
        side, source, target = PAIRS[name]
        images = rng.uniform(size=(48, side, side, max(source, target))).astype(np.float32)
        train = Arrays({"source": images[..., :source], "target": 1 - images[..., :target] / 2})
        test = Arrays({key: column[:12] for key, column in train.arrays().items()})
        return Dataset(name, train, test, test, levels=256, about={"paired": ("test",)})
    if name.startswith(("ratings", "movielens")):
        # Each of 16 users rates each of 12 films; every split has a third of it.
        user, film = (ids.astype(np.int32) for ids in np.divmod(rng.permutation(16 * 12), 12))
        rating = rng.integers(1, 11, len(user)).astype(np.float32) / 2
        columns = {"user_id": user, "movie_id": film, "user_rating": rating}
        splits = [Arrays({key: column[part::3] for key, column in columns.items()}) for part in range(3)]
        return Dataset(name, *splits)
    if name.startswith("series"):
        time = np.arange(240, dtype=np.float32)
        value = (np.sin(2 * np.pi * time / 12) + 0.1 * rng.normal(size=240)).astype(np.float32)
        splits = [Arrays({"time": time[a:b], "value": value[a:b]}) for a, b in ((0, 144), (144, 192), (192, 240))]
        return Dataset(name, *splits, about={"period": 12})
    task = name.partition("/")[0]
    if task == "persons":
        return load("persons/200")
    if task in ("adding", "copy", "recent"):
        dataset = load_endless(task, "10")
        train, test = Arrays(dataset.train.arrays(size)), Arrays(dataset.test.arrays(96))
        return dataclasses.replace(dataset, name=name, train=train, validation=test, test=test)
    if (kind := form(name)) is not None:
        base, cut = split_cut(name)
        return FORMS[kind](texts(base, kind, rng, size=128 if kind == "text" else 32), cut)
    means = np.stack(np.meshgrid([-4.0, 0.0, 4.0], [-4.0, 0.0, 4.0]), -1).reshape(-1, 2)
    label = (np.arange(size) % len(means)).astype(np.int32)
    point = (means[label] + 0.05 * rng.normal(size=(size, 2))).astype(np.float32)
    split = Arrays({"point": point, "label": label})
    return Dataset(name, *[split] * 3, classes=(), levels=None, about={"means": means, "sigma": 0.05})


WORDS = ("red", "cat", "of", "the", "two", "dogs", "sees", "no", "blue", "house")


def form(name: str) -> str | None:
    """How the texts of that set become tokens; None for a set without texts."""
    base = name.partition("/")[0].partition("@")[0]
    if base == "imdb_reviews":
        return "labelled"
    return OWN[base].form or None if base in OWN else None


def texts(name: str, kind: str, rng: np.random.Generator, size: int) -> Dataset:
    """Columns of texts of a few words, as a builder gives them."""

    def sentences() -> np.ndarray:
        return np.array([" ".join(rng.choice(WORDS, rng.integers(1, 5))) for _ in range(size)], object)

    def columns() -> dict[str, np.ndarray]:
        if kind == "listops":
            seeds = rng.integers(1000, size=(size, 2)).tolist()
            return {"text": np.array([" ".join(binary(generated(seed)).leaves) for seed in seeds], object)}
        text = sentences()
        if kind == "pairs":
            return {"source": text, "target": sentences()}
        if kind == "sentences":
            pairs = np.arange(size) // 2
            part = (pairs % 4).astype(np.int32)
            meaning = rng.integers(3, size=(size, 2)).astype(np.int32)
            return {"text": text, "meaning": meaning, "closeness": (pairs % 3 / 2).astype(np.float32), "part": part}
        if kind == "labelled":
            return {"text": text, "label": (np.arange(size) % 3).astype(np.int32)}
        if kind == "tagged":
            return {
                "text": text,
                "tags": np.array(["".join(rng.choice(list("abc"), len(x))) for x in text], object),
            }
        if kind == "captions":
            # Pictures have the side that the name says, and captions are combinations of parts.
            side = int(name.partition("people-")[2] or 16)
            image = rng.uniform(size=(size, side, side, 3)).astype(np.float32)
            row = np.arange(size, dtype=np.int32)
            parts = {"kind": row % 4, "person": row // 4 % 2, "tone": row // 8 % 3, "held_out": row % 3}
            return {"text": text, "image": image, "label": row, **parts}
        if kind == "speech":
            # Each word has a band of its own for 8 frames.
            place = {word: number for number, word in enumerate(WORDS)}
            spoken = [np.repeat([place[word] for word in one.split()], 8) for one in text]
            sound = [np.eye(len(WORDS))[one] + 0.1 * rng.normal(size=(len(one), len(WORDS))) for one in spoken]
            buckets = halvings(4 * 8)
            return {"text": text, "sound": Ragged.of(sound, np.float16, buckets=buckets, length="sound_length")}
        return {"text": text}

    classes = () if kind in ("text", "pairs", "captions", "speech") else ("one", "two", "three")
    about = {}
    if kind == "captions":
        parts = {"kinds": ("a", "b", "c", "d"), "persons": ("", "w"), "tones": ("", "x", "y")}
        about = {**parts, "held out": ("", "tone", "person"), "credit": "nobody"}
    return Dataset(name, *[Arrays(columns()) for _ in range(3)], classes=classes, about=about)

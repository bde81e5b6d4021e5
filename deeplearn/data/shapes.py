"""`shapes/32`, `shapes/64`: coloured shapes, with a sentence for each picture, endless: row i is a function of i.

    a small red circle at the top left            one thing: what it is, and where
    a large blue cross left of a small red square  two things and their relation
    three small green triangles                    how many

What is on a picture is known (columns below), and `deeplearn.judge.shapes` reads it back from the pixels, so that
what a generator draws can be compared with what was asked for. Four pairs of colour and shape never occur in
training; in half of the rows of validation and test one of the things is such a pair (column `held_out`).
"""

from __future__ import annotations

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.endless import HELD_OUT, Endless, uniforms
from deeplearn.data.split import Arrays, Batch
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

SHAPES = ("circle", "square", "triangle", "cross")
PLURALS = ("circles", "squares", "triangles", "crosses")
COLOURS = {
    "red": (0.88, 0.12, 0.12),
    "green": (0.10, 0.65, 0.20),
    "blue": (0.12, 0.30, 0.90),
    "yellow": (0.95, 0.80, 0.10),
    "purple": (0.60, 0.20, 0.70),
    "black": (0.10, 0.10, 0.10),
}
SIZES = {"small": 0.11, "large": 0.19}  # half a side, of the picture's
PLACES = {
    "in the middle": (0.5, 0.5),
    "at the top left": (0.25, 0.25),
    "at the top right": (0.75, 0.25),
    "at the bottom left": (0.25, 0.75),
    "at the bottom right": (0.75, 0.75),
}
RELATIONS = ("left of", "right of", "above", "below")
NUMBERS = {"two": 2, "three": 3, "four": 4}
KINDS = ("one", "relation", "count")
MOST = 4  # things on a picture
JITTER = 0.03  # of a place
SIDES = (32, 64)
FINER = 4  # pixels are the means of so many in each direction


def held_out_pairs() -> np.ndarray:
    """bool [shapes, colours]: pairs that do not occur in training, one for each shape, each of another colour."""
    shape, colour = np.indices((len(SHAPES), len(COLOURS)))
    return colour == (shape + 1) % len(COLOURS)


class Scenes:
    """What is on N pictures.

    kind: of KINDS, [N]. things: int32 [N, 4, 3] of shape, colour, size, −1 where there is none. centre: float64
    [N, 4, 2], x and y. place: of PLACES for one thing, of RELATIONS for two, else −1, [N].
    """

    def __init__(self, indices: np.ndarray, key: int, new: bool) -> None:
        """new: half of the rows have a pair that is held out from training; otherwise none has."""
        u = uniforms(indices, 24, key)
        count = len(u)
        self.kind = (u[:, 0] * len(KINDS)).astype(np.int32)
        self.held_out = ((u[:, 1] < 0.5) & new).astype(np.int32)
        allowed, kept = held_out_pairs(), ~held_out_pairs()
        first = _pairs(np.where(self.held_out[:, None, None] > 0, allowed, kept), u[:, 2])
        second = _pairs(np.broadcast_to(kept, (count, *kept.shape)) & ~_same(first), u[:, 3])
        sizes = (u[:, 4:6] * len(SIZES)).astype(np.int32)
        self.things = np.full((count, MOST, 3), -1, np.int32)
        self.centre = np.full((count, MOST, 2), 0.5)
        jitter = JITTER * (2 * u[:, 8:16].reshape(count, MOST, 2) - 1)
        self.place = np.full(count, -1, np.int32)

        one, two, many = (self.kind == number for number in range(3))
        self.things[:, 0] = np.column_stack([first, sizes[:, 0]])
        place = (u[:, 6] * len(PLACES)).astype(np.int32)
        self.place[one] = place[one]
        self.centre[one, 0] = np.array(list(PLACES.values()))[place[one]]

        relation = (u[:, 6] * len(RELATIONS)).astype(np.int32)
        self.place[two] = relation[two]
        self.things[two, 1] = np.column_stack([second, sizes[:, 1]])[two]
        away = np.array([[-0.25, 0], [0.25, 0], [0, -0.25], [0, 0.25]])[relation]
        self.centre[two, 0], self.centre[two, 1] = (0.5 + away)[two], (0.5 - away)[two]

        # Each in a quarter of its own, so that no two touch.
        number = 2 + (u[:, 6] * len(NUMBERS)).astype(np.int32)
        quarters = np.argsort(u[:, 16:20], axis=1)
        corners = np.array(list(PLACES.values()))[1:]
        for thing in range(MOST):
            here = many & (thing < number)
            self.things[here, thing] = np.column_stack([first, sizes[:, 0]])[here]
            self.centre[here, thing] = corners[quarters[here, thing]]
        self.centre += jitter

    def texts(self) -> list[str]:
        found = []
        for kind, things, place in zip(self.kind, self.things, self.place, strict=True):
            if KINDS[kind] == "count":
                number = int((things[:, 0] >= 0).sum())
                found.append(f"{list(NUMBERS)[number - 2]} {_named(things[0], PLURALS)}")
            elif KINDS[kind] == "relation":
                one, other = (_named(thing, SHAPES) for thing in things[:2])
                found.append(f"a {one} {RELATIONS[place]} a {other}")
            else:
                found.append(f"a {_named(things[0], SHAPES)} {list(PLACES)[place]}")
        return found

    def images(self, side: int) -> np.ndarray:
        """float32 [N, side, side, 3] in [0, 1], on white, edges smoothed."""
        axis = (np.arange(side * FINER) + 0.5) / (side * FINER)
        picture = np.ones((len(self.kind), side, side, 3), np.float32)
        for thing in range(MOST):
            rows = np.flatnonzero(self.things[:, thing, 0] >= 0)
            shape, colour, size = self.things[rows, thing].T
            half = np.array(list(SIZES.values()))[size][:, None, None]
            x = (axis[None, None, :] - self.centre[rows, thing, 0, None, None]) / half
            y = (axis[None, :, None] - self.centre[rows, thing, 1, None, None]) / half
            inside = _inside(x, y, shape[:, None, None])
            cover = inside.reshape(len(rows), side, FINER, side, FINER).mean((2, 4))[..., None]
            paint = np.array(list(COLOURS.values()), np.float32)[colour][:, None, None]
            picture[rows] = picture[rows] * (1 - cover) + cover * paint
        return picture


def _named(thing: np.ndarray, names: tuple[str, ...]) -> str:
    shape, colour, size = thing.tolist()
    return f"{list(SIZES)[size]} {list(COLOURS)[colour]} {names[shape]}"


def _pairs(allowed: np.ndarray, u: np.ndarray) -> np.ndarray:
    """One of the pairs that are true in bool [N, shapes, colours] for each row, evenly drawn: int [N, 2]."""
    flat = allowed.reshape(len(allowed), -1)
    rank = (u * flat.sum(1)).astype(int) + 1
    return np.stack(np.divmod((flat.cumsum(1) == rank[:, None]).argmax(1), allowed.shape[2]), 1)


def _same(pair: np.ndarray) -> np.ndarray:
    """bool [N, shapes, colours]: the pair itself."""
    shape, colour = np.indices((len(SHAPES), len(COLOURS)))
    return (shape == pair[:, :1, None]) & (colour == pair[:, 1:, None])


def _inside(x: np.ndarray, y: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Whether points lie in the shapes, whose box is [−1, 1]²; y points down."""
    box = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    arm = 1 / 3
    return np.select(
        [shape == 0, shape == 1, shape == 2],
        [x**2 + y**2 <= 1, box, box & (2 * np.abs(x) <= y + 1)],
        box & ((np.abs(x) <= arm) | (np.abs(y) <= arm)),
    )


def vocabulary() -> Vocabulary:
    """Every word of every sentence."""
    words = [*SHAPES, *PLURALS, *COLOURS, *SIZES, *NUMBERS, "a", *" ".join([*PLACES, *RELATIONS]).split()]
    return Vocabulary.of(words)


class _Drawn:
    """The columns of rows, given their numbers."""

    def __init__(self, side: int, key: int, new: bool) -> None:
        self.side, self.key, self.new, self.words = side, key, new, vocabulary()
        self.longest = 2 + len(["a", "small", "red", "circle", "left", "of", "a", "small", "red", "circle"])

    def __call__(self, indices: np.ndarray) -> Batch:
        scenes = Scenes(indices, self.key, self.new)
        tokens = np.zeros((len(indices), self.longest), np.int32)
        length = np.zeros(len(indices), np.int32)
        for row, text in enumerate(scenes.texts()):
            ids = [Vocabulary.begin, *self.words.encode(text.split()), Vocabulary.end]
            tokens[row, : len(ids)], length[row] = ids, len(ids)
        known = {"kind": scenes.kind, "things": scenes.things, "place": scenes.place, "held_out": scenes.held_out}
        return {"image": scenes.images(self.side), "tokens": tokens, "length": length, **known}


def load_shapes(_: str, side: str) -> Dataset:
    """side: pixels, as it was written. UserError for another than 32 and 64."""
    if side not in map(str, SIDES):
        raise UserError(f"shapes/{side} is none: say shapes/32 or shapes/64")
    validation, test = (Arrays(_Drawn(int(side), key, True)(np.arange(HELD_OUT))) for key in (1, 2))
    train = Endless(_Drawn(int(side), 0, False))
    about = {"held out": ("", "pair"), "kinds of scenes": KINDS}
    return Dataset(f"shapes/{side}", train, validation, test, vocabulary=vocabulary(), about=about)

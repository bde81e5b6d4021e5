"""`persons`: a made-up corpus about 72 persons by role, sex and age, whose analogies are known exactly.

Each person (king, queen, prince, …, ship_girl) stands in sentences among words that tell the role (palace), the sex
(his) and the age (toys), each drawn from eight, and words that tell nothing, in random order. So what a word's
neighbours say of it is the sum of three things, and king − man + woman should be queen. `persons/5400` says how
many sentences there are to train on; those of validation and test are a tenth of them each.
"""

from __future__ import annotations

import itertools

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.ragged import Ragged
from deeplearn.data.split import Arrays
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

AGES = ("young", "grown", "old")
SEXES = ("male", "female")
NAMES = {
    "common": ("boy", "girl", "man", "woman", "grandfather", "grandmother"),
    "royal": ("prince", "princess", "king", "queen", "old_king", "old_queen"),
}
# Where each of the others is met.
OTHERS = ("ship", "farm", "bakery", "school", "church", "stage", "court", "clinic", "forest", "circus")
ROLES = (*NAMES, *OTHERS)
WORDS = {
    "common": "street neighbour bus kitchen shop breakfast garden bicycle",
    "royal": "palace throne crown realm coronation sceptre heir decree",
    "ship": "sail deck anchor harbour mast storm cabin voyage",
    "farm": "plough field barn harvest cow tractor hay fence",
    "bakery": "oven bread flour dough cake yeast loaf crust",
    "school": "lesson chalk pupil exam classroom blackboard homework grammar",
    "church": "prayer altar sermon bell hymn chapel candle psalm",
    "stage": "curtain applause script role audience rehearsal costume scene",
    "court": "law judge verdict trial jury witness oath clerk",
    "clinic": "patient fever bandage pulse ward needle remedy cough",
    "forest": "oak axe hunter moss trail deer timber fern",
    "circus": "tent trapeze juggler acrobat elephant ring clown rope",
    "male": "he him his himself sir beard uncle brother",
    "female": "she her hers herself madam dress aunt sister",
    "young": "toys small learns plays grows cradle school_bag tooth",
    "grown": "works strong marries busy drives earns builds wallet",
    "old": "cane grey remembers retired wrinkles spectacles slow pension",
}
FILLERS = "the a and in with then today there again often was goes near of to"
# Of a sentence: words that tell the role, the sex, the age, and fillers.
COUNTS = 1, 1, 1, 6
LIMITS = 100, 1_000_000

Person = tuple[str, str, str]  # role, sex, age


def persons() -> dict[Person, str]:
    """The word of each person."""
    found = {}
    for role in ROLES:
        names = NAMES.get(role) or [f"{role}_{name}" for name in NAMES["common"]]
        for (age, sex), name in zip(itertools.product(AGES, SEXES), names, strict=True):
            found[role, sex, age] = name
    return found


def analogies() -> list[tuple[str, ...]]:
    """(what changes, a, b, c, d), a is to b as c is to d: a and b, as c and d, differ in one thing and the same.

    "sex" has the questions king : queen :: man : woman, "age" king : prince :: man : boy, "role" king : man ::
    queen : woman.
    """
    words = persons()
    values = {"role": ROLES, "sex": SEXES, "age": AGES}
    found = []
    for place, (changes, kinds) in enumerate(values.items()):
        others = [kinds for name, kinds in values.items() if name != changes]
        for one, two in itertools.permutations(itertools.product(*others), 2):
            for before, after in itertools.permutations(kinds, 2):
                four = [(rest, value) for rest in (one, two) for value in (before, after)]
                found.append((changes, *(words[_person(rest, value, place)] for rest, value in four)))
    return found


def _person(rest: tuple[str, ...], value: str, place: int) -> Person:
    things = [*rest[:place], value, *rest[place:]]
    return things[0], things[1], things[2]


def sentences(count: int, seed: int) -> list[list[str]]:
    """`count` sentences; each person comes equally often, as far as that is possible."""
    rng = np.random.default_rng(seed)
    people = list(persons().items())
    order = np.concatenate([rng.permutation(len(people)) for _ in range(-(-count // len(people)))])[:count]
    found = []
    for number in order.tolist():
        things, word = people[number]
        words = [word]
        for source, some in zip((*(WORDS[thing] for thing in things), FILLERS), COUNTS, strict=True):
            words += rng.choice(source.split(), some, replace=False).tolist()
        found.append([words[place] for place in rng.permutation(len(words))])
    return found


def load_persons(_: str, count: str) -> Dataset:
    """count: sentences to train on, as it was written. UserError for another number."""
    low, high = LIMITS
    number = int(count) if count.isdecimal() and len(count) < 10 else 0
    if not low <= number <= high:
        raise UserError(f"persons/{count} has no such number of sentences: say persons/5400, or any from {low} on.")
    sizes = {"train": number, "validation": number // 10, "test": number // 10}
    found = {split: sentences(size, seed) for seed, (split, size) in enumerate(sizes.items())}
    everything = itertools.chain(
        *found["train"],  # the most frequent words come first
        persons().values(),
        FILLERS.split(),
        *(words.split() for words in WORDS.values()),
    )
    vocabulary = Vocabulary.of(everything)
    width = (1 + sum(COUNTS),)
    train, validation, test = (
        Arrays({"tokens": Ragged.of([vocabulary.encode(one) for one in found[split]], buckets=width)})
        for split in sizes
    )
    return Dataset(f"persons/{number}", train, validation, test, vocabulary=vocabulary)

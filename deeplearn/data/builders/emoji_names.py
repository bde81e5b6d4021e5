"""Names of emoji by their parts, and combinations of kind, person and tone of skin that are held out."""

import difflib
import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from deeplearn.errors import UserError

PERSONS = ("", "woman", "man", "person")
SKINS = ("light_skin", "medium_light_skin", "medium_skin", "medium_dark_skin", "dark_skin")
# "", one tone, or the two tones of a couple, in the order of their names.
TONES = ("", *SKINS, *(f"{one} {other}" for one in SKINS for other in SKINS if one != other))
HELD_OUT = ("", "tone", "person")
SEED = 0
# How many kinds lack a person, and how many pairs of kind and person lack tones, at most how many.
PERSONS_HELD_OUT = {"test": 20, "validation": 8}
TONES_HELD_OUT = {"test": (99, 2), "validation": (33, 1)}

_TONE = re.compile(r"(medium[- ])?(light|medium|dark) skin( tone)?\b", re.IGNORECASE)


class Emoji(NamedTuple):
    """An emoji's characters and its names, "medium-light skin tone" written as one word, medium_light_skin.

    kind: the name without person and tone; "" for woman, man and person themselves. person: one of PERSONS,
    "person" also where a kind has a woman and a man and this one, which says nothing ("astronaut"). tone: one of
    TONES.
    """

    characters: str
    english: str
    japanese: str
    kind: str
    person: str
    tone: str


@functools.cache
def every_emoji() -> tuple[Emoji, ...]:
    """All fully qualified emoji, in the order of the package `emoji`."""
    import emoji

    emoji.config.load_language(["en", "ja"])
    status = emoji.STATUS["fully_qualified"]
    found = []
    for characters, facts in emoji.EMOJI_DATA.items():
        if facts["status"] == status:
            english, japanese = (facts[language].strip(":").replace("_", " ") for language in ("en", "ja"))
            english = with_tones(english)
            found.append(Emoji(characters, english, japanese, *_parts(english)))
    persons = defaultdict(set)
    for one in found:
        persons[one.kind].add(one.person)
    unsaid = {kind for kind, known in persons.items() if {"woman", "man"} <= known and "person" not in known}
    return tuple(one._replace(person="person") if one.kind in unsaid and not one.person else one for one in found)


def combination(text: str) -> tuple[str, str, str]:
    """(kind, person, tone) that an English text names, such as "woman judge: dark skin tone".

    The combination need not be an emoji. UserError where the text names no kind of emoji.
    """
    text, persons = with_tones(_plain(text)), defaultdict(set)
    for one in every_emoji():
        if _plain(one.english) == text:
            return one.kind, one.person, one.tone
        persons[one.kind].add(one.person)
    kinds = {_plain(kind): kind for kind in persons}
    said, person, tone = _parts(text)
    if (kind := kinds.get(said)) is None:
        close = difflib.get_close_matches(said, kinds, n=3)
        near = f"did you mean {' or '.join(map(repr, close))}?" if close else "such as 'judge' or 'red heart'"
        raise UserError(f"{text!r} names no kind of emoji: {near}")
    if tone not in TONES:
        raise UserError(
            f"{text!r} names the tones {tone!r}: there are one, or two that differ, of {', '.join(SKINS)}"
        )
    unsaid = "" if "" in persons[kind] else "person"
    return kind, person or unsaid, tone


def _plain(text: str) -> str:
    """Without capitals and punctuation between words."""
    return " ".join(re.sub("[:,]", " ", text.lower()).split())


def with_tones(name: str) -> str:
    """The name with each tone of skin as one word: of "dark skin tone", or "dark skin", which users write."""
    return _TONE.sub(lambda tone: re.sub("[- ]", "_", f"{tone[1] or ''}{tone[2]}_skin").lower(), name)


def _parts(name: str) -> tuple[str, str, str]:
    """(kind, person, tone) of a name; of two persons none, they are part of the kind."""
    words = name.split()
    tone = " ".join(word for word in words if word in SKINS)
    words = [word for word in words if word not in SKINS]
    persons = [word for word in words if word in PERSONS]
    if len(persons) != 1:
        return " ".join(words), "", tone
    return " ".join(word for word in words if word not in PERSONS), persons[0], tone


def held_out(emoji: Sequence[Emoji], classes: Iterable[int]) -> list[tuple[str, str]]:
    """For each emoji its split and, in validation and test, which combination is new there: "tone" or "person".

    classes: the class of each one's picture: all names of a picture are in one split. Of some kinds that have a
    woman, a man and a person one of them is held out, in all tones. Of pairs of other kinds and a person that have
    all five tones one or two tones are held out. Parts of a combination that is held out are all in train.
    """
    rng = np.random.default_rng(SEED)
    classes = list(classes)
    cells: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)  # (kind, person): {tone: class}
    for one, number in zip(emoji, classes, strict=True):
        cells[one.kind, one.person][one.tone] = number
    chosen: dict[int, tuple[str, str]] = {}

    whole = sorted({kind for kind, _ in cells if all((kind, person) in cells for person in PERSONS[1:])})
    order = iter(rng.permutation(len(whole)))
    taken = set()
    for split, count in PERSONS_HELD_OUT.items():
        while count:
            kind = whole[next(order)]
            person = PERSONS[1 + rng.integers(3)]
            out = set(cells[kind, person].values())
            others = {number for other in PERSONS[1:] for number in cells[kind, other].values()}
            if others > out:  # a kind that has one picture for all is no question
                chosen |= dict.fromkeys(out, (split, "person"))
                taken.add(kind)
                count -= 1

    pairs = sorted(pair for pair, tones in cells.items() if set(SKINS) <= tones.keys() and pair[0] not in taken)
    order = iter(rng.permutation(len(pairs)))
    touched = set(chosen)
    for split, (count, most) in TONES_HELD_OUT.items():
        while count:
            tones = cells[pairs[next(order)]]
            drawn = rng.permutation(len(SKINS))[: rng.integers(1, most + 1)]
            if not touched & set(tones.values()):  # nor a picture that two pairs share
                touched |= set(tones.values())
                chosen |= {tones[SKINS[tone]]: (split, "tone") for tone in drawn}
                count -= 1
    return [chosen.get(number, ("train", "")) for number in classes]

"""`translation/dates` and `translation/names`: English and Japanese, from Unicode's CLDR and the package `emoji`.

**dates**: a text is a list of dates ("Thu, Nov 26, 2026 and January 5, 1999"), each in a style of its own, as Babel
writes it in either language. No date is in two splits. Train and validation have texts of one to LONGEST dates,
test of one to TEST_LONGEST: those of more dates than LONGEST are longer than what is trained on.

**names**: CLDR's names of territories, languages and currencies, and the names of emoji. Of the names of people
combinations are held out, which are made of parts that train has in other combinations: for some kinds of people
and persons ("woman firefighter") one or two of five skin tones, for some kinds ("judge") one of woman, man and
person in all tones. Validation has combinations of its own.

`part` says which of `about["parts"]` a pair belongs to, and `about["held_out"]` which of these train has none of.
CLDR changes from year to year: `about["cldr"]` is its version, `about["emoji"]` the package's; a run keeps the
fingerprint of its data.
"""

import datetime
import importlib.metadata
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

SEED = 0
LANGUAGES = ("en", "ja")
SPLITS = ("train", "validation", "test")

# A hundred years, so that two digits (the short English style) tell the year.
FIRST, DAYS = datetime.date(1950, 1, 1), 36_525
STYLES = ("full", "long", "medium", "short")
SKELETONS = ("yMMMEd", "yMEd", "GyMMMd")  # with the weekday, with the weekday in figures, with the era
# Texts of train fit into half of the width of test's longest: that is a bucket.
LONGEST, TEST_LONGEST = 2, 6
TEXTS = {"train": 16_000, "validation": 600, "test": 1500}

TONES = tuple(map(chr, range(0x1F3FB, 0x1F400)))
PEOPLE = {"👩": "woman", "👨": "man", "🧑": "person"}
SIGNS = {"\u200d♀": "woman", "\u200d♂": "man"}
FLAGS = range(0x1F1E6, 0x1F200)  # their names are those of the territories
KINDS_OUT = {"test": 20, "validation": 8}  # kinds that lack a person
TONES_OUT = (0.6, 0.1, 0.3)  # of kinds and persons: lack none, lack some for validation, for test
NAME_PARTS = ("other names", "new tones", "new persons")

Pair = tuple[str, str, int]  # source, target, number of its part


def dates() -> dict[str, list[Pair]]:
    """{split: pairs}; the part of a pair is how many dates it has, less one."""
    rng = np.random.default_rng(SEED)
    days = np.split(rng.permutation(DAYS), [DAYS * 8 // 10, DAYS * 9 // 10])
    return {
        split: [
            _list_of_dates(rng, own, 1 + number % (TEST_LONGEST if split == "test" else LONGEST))
            for number in range(TEXTS[split])
        ]
        for split, own in zip(SPLITS, days, strict=True)
    }


def _list_of_dates(rng: np.random.Generator, days: np.ndarray, count: int) -> Pair:
    from babel.lists import format_list

    chosen = [FIRST + datetime.timedelta(days=int(day)) for day in rng.choice(days, count)]
    styles = [str(style) for style in rng.choice(STYLES + SKELETONS, count)]
    source, target = (
        format_list(
            [written(day, style, language) for day, style in zip(chosen, styles, strict=True)], locale=language
        )
        for language in LANGUAGES
    )
    return source, target, count - 1


def written(day: datetime.date, style: str, language: str) -> str:
    """A date in one of STYLES or SKELETONS.

    May is not shortened in English, so that there "medium" and "long" are the same; in Japanese they are not. To
    have one translation for each text, the medium style is written as the long one in May.
    """
    from babel.dates import format_date, format_skeleton

    if style == "medium" and day.month == 5:
        style = "long"
    if style in STYLES:
        return format_date(day, style, locale=language)
    return format_skeleton(style, datetime.datetime.combine(day, datetime.time()), locale=language)


def names() -> dict[str, list[Pair]]:
    """{split: pairs}, every source once; the part of a pair is a place in NAME_PARTS."""
    rng = np.random.default_rng(SEED)
    people, others = _emoji()
    found: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    taken: set[str] = set()
    for split, part, pairs in _combinations(people, rng):
        found[split] += [(source, target, part) for source, target in pairs]
        taken |= {source for source, _ in pairs}
    rest = {source: target for source, target in [*others, *_cldr()] if source not in taken}
    order = rng.permutation(len(rest))
    tenth = len(rest) // 10
    listed = list(rest.items())
    for split, places in zip(SPLITS, np.split(order, [-2 * tenth, -tenth]), strict=True):
        found[split] += [(*listed[place], 0) for place in places]
    return found


def _cldr() -> list[tuple[str, str]]:
    """Names of territories, languages and currencies; where two share an English name, the first."""
    from babel import Locale

    english, japanese = map(Locale, LANGUAGES)
    pairs: dict[str, str] = {}
    for kind in ("territories", "languages", "currencies"):
        ours, theirs = getattr(english, kind), getattr(japanese, kind)
        for code in sorted(ours.keys() & theirs.keys()):
            pairs.setdefault(ours[code], theirs[code])
    return list(pairs.items())


# {(kind, person): {tones: (source, target)}}
People = dict[tuple[str, str], dict[tuple[str, ...], tuple[str, str]]]


def _emoji() -> tuple[People, list[tuple[str, str]]]:
    """Those that have a sibling of another person or tone, and the others; without flags."""
    import emoji

    emoji.config.load_language(list(LANGUAGES))
    people: People = defaultdict(dict)
    for sign, facts in sorted(emoji.EMOJI_DATA.items()):
        if facts["status"] == emoji.STATUS["fully_qualified"] and ord(sign[0]) not in FLAGS:
            kind, person, tones = combination(sign)
            source, target = (facts[language].strip(":").replace("_", " ") for language in LANGUAGES)
            people[kind, person][tones] = (source, target)
    kinds = {kind for kind, person in people if person != "person"}
    alone = [key for key, tones in people.items() if len(tones) == 1 and key[0] not in kinds]
    return people, [pair for key in alone for pair in people.pop(key).values()]


def combination(sign: str) -> tuple[str, str, tuple[str, ...]]:
    """What an emoji is made of: its kind, the person ("woman", "man" or "person") and its skin tones.

    The kind is what is left of the signs. Of two people it is the first one's person.
    """
    tones = tuple(one for one in sign if one in TONES)
    rest = "".join(one for one in sign if one not in (*TONES, "\ufe0f"))
    for end, person in SIGNS.items():
        if rest.endswith(end):
            return rest.removesuffix(end), person, tones
    if rest[0] in PEOPLE:
        return "🧑" + rest[1:], PEOPLE[rest[0]], tones
    return rest, "person", tones


def _combinations(people: People, rng: np.random.Generator) -> Iterator[tuple[str, int, list[tuple[str, str]]]]:
    """(split, part, pairs) of all people; what is not held out is train's."""
    tones_out, persons_out = NAME_PARTS.index("new tones"), NAME_PARTS.index("new persons")
    persons = sorted(PEOPLE.values())
    kinds = sorted(kind for kind, _ in people if all((kind, person) in people for person in persons))
    chosen = rng.permutation(sorted(set(kinds)))[: sum(KINDS_OUT.values())].tolist()
    splits = [split for split, count in KINDS_OUT.items() for _ in range(count)]
    lacking = {(kind, persons[rng.integers(3)]): split for kind, split in zip(chosen, splits, strict=True)}
    for key, split in lacking.items():
        yield split, persons_out, list(people[key].values())
    for key, pairs in sorted(people.items()):
        if key in lacking:
            continue
        out, split = [], str(rng.choice(SPLITS, p=TONES_OUT))
        if split != "train" and all((tone,) in pairs for tone in TONES):
            out = [(TONES[place],) for place in rng.choice(len(TONES), rng.integers(1, 3), replace=False)]
            yield split, tones_out, [pairs[tones] for tones in out]
        yield "train", 0, [pair for tones, pair in pairs.items() if tones not in out]


class Builder(OwnBuilder):
    """Pairs of a text, its translation and the number of its part."""

    name = "translation"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)

    def about(self):
        from babel.core import get_cldr_version

        versions = {"cldr": get_cldr_version(), "emoji": importlib.metadata.version("emoji")}
        if self.builder_config.name == "names":
            return {**versions, "parts": list(NAME_PARTS), "held_out": list(NAME_PARTS[1:])}
        parts = ["1 date", *(f"{count} dates" for count in range(2, TEST_LONGEST + 1))]
        return {**versions, "parts": parts, "held_out": parts[LONGEST:]}

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {"source": text, "target": text, "part": tfds.features.Scalar(np.int32)}
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        pairs = {"dates": dates, "names": names}[self.builder_config.name]()
        return {split: self._generate_examples(pairs[split]) for split in SPLITS}

    def _generate_examples(self, pairs):
        for index, (source, target, part) in enumerate(pairs):
            yield index, {"source": source, "target": target, "part": part}

"""`sentences/world` and `sentences/python_docs`: sentences, and how close in meaning they are.

**world**: a meaning is who did what to whom, where and when. It is told in several ways: each has two wordings that
share no word ("doctor", "physician"; "at dawn", "during the sunrise"), the sentence is active or passive, and place
and time stand in any order. The closeness of two sentences is the fraction of the five attributes that are equal,
known exactly. Who does what, to whom and where is not left to chance: each person has habits, which both of its
wordings share, so that what a word means can be told from the words around it. No meaning is in two splits. Rows
are pairs: row 2i and row 2i + 1 have one `closeness`. Their `part` is

    graded                  closeness 0, .2, … 1, equally many of each
    paraphrase              a sentence, and its meaning in other words and the other voice
    exchanged, their words  the same sentence, and that paraphrase with the two persons exchanged
    exchanged, own words    the same sentence, and itself with the two persons exchanged

The i-th pairs of the last three belong together. A bag of words cannot tell the paraphrase from the first exchange,
and takes the second for the sentence itself.

**python_docs**: the sentences of `text/python_docs`, labelled by their topics; whole topics are held out.
"""

import re
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.builders.text import titled_topics

PEOPLE = (
    *(("doctor", "physician"), ("baker", "breadmaker"), ("lawyer", "attorney"), ("teacher", "instructor")),
    *(("sailor", "seaman"), ("policeman", "constable"), ("painter", "artist"), ("farmer", "grower")),
    *(("thief", "burglar"), ("child", "youngster"), ("pilot", "aviator"), ("singer", "vocalist")),
)
VERBS = (
    *(("helped", "assisted"), ("followed", "pursued"), ("praised", "commended"), ("called", "phoned")),
    *(("saved", "rescued"), ("tricked", "deceived"), ("hired", "employed"), ("scared", "frightened")),
    *(("bothered", "annoyed"), ("watched", "observed")),
)
PLACES = (
    *(
        ("at the harbour", "by the docks"),
        ("in the forest", "among the woods"),
        ("on the road", "along the street"),
    ),
    *(("in the village", "near a hamlet"), ("at the inn", "inside the tavern"), ("at home", "in the house")),
    *(("on the hill", "upon a slope"), ("at the shop", "in a store")),
)
TIMES = (
    *(("at dawn", "during the sunrise"), ("at noon", "around midday"), ("in the evening", "at dusk")),
    *(("at night", "after dark"), ("yesterday", "the day before"), ("last week", "seven days ago")),
    *(("in autumn", "this fall"), ("recently", "not long ago")),
)
ATTRIBUTES = ("who", "what", "to whom", "where", "when")
WORDINGS = (PEOPLE, VERBS, PEOPLE, PLACES, TIMES)
ORDERS = ("{0} {1} {2}", "{0} {2} {1}", "{1} {0} {2}", "{2} {0} {1}", "{1} {2} {0}", "{2} {1} {0}")
PARTS = ("graded", "paraphrase", "exchanged, their words", "exchanged, own words")

SEED = 0
HABIT = 0.3  # of the Dirichlet distributions that habits are drawn from: the smaller, the stronger
MEANINGS = {"train": 4000, "validation": 400, "test": 800}
PAIRS = {"train": 1200, "validation": 80, "test": 400}  # of each closeness
TRAPS = {"train": 0, "validation": 100, "test": 400}

WORDS = 6, 60  # the shortest and the longest sentence of Python's documentation that is kept


def meanings(count: int, rng: np.random.Generator) -> np.ndarray:
    """Different meanings, int32 [count, 5], each attribute a place in its WORDINGS."""
    people, verbs, places, times = (len(one) for one in (PEOPLE, VERBS, PLACES, TIMES))
    what, where = (rng.dirichlet(np.full(size, HABIT), people) for size in (verbs, places))  # of who
    whom = rng.dirichlet(np.full(people, HABIT), verbs)  # of what
    when = rng.dirichlet(np.full(times, HABIT), places)  # of where
    found: dict[tuple[int, ...], None] = {}  # in their order
    while len(found) < count:
        who = rng.choice(people)
        verb, place = rng.choice(verbs, p=what[who]), rng.choice(places, p=where[who])
        meaning = (who, verb, rng.choice(people, p=whom[verb]), place, rng.choice(times, p=when[place]))
        if meaning[2] != who:
            found[tuple(map(int, meaning))] = None
    return np.array(list(found), np.int32)


def told(meaning: np.ndarray, wording: np.ndarray, passive: int, order: int) -> str:
    """A sentence: wording [5] says which of the two words, order is a place in ORDERS."""
    who, what, whom, where, when = (
        words[value][chosen] for words, value, chosen in zip(WORDINGS, meaning, wording, strict=True)
    )
    clause = f"the {whom} was {what} by the {who}" if passive else f"the {who} {what} the {whom}"
    return ORDERS[order].format(clause, where, when)


def exchanged(meaning: np.ndarray) -> np.ndarray:
    """With the two persons exchanged, of meanings [..., 5]."""
    return meaning[..., [2, 1, 0, 3, 4]]


def world() -> dict[str, list[tuple[str, np.ndarray, float, int]]]:
    """{split: rows}: text, meaning [5], closeness to the other row of its pair, and part."""
    rng = np.random.default_rng(SEED)
    ends = np.cumsum(list(MEANINGS.values()))
    cut = dict(zip(MEANINGS, np.split(meanings(ends[-1], rng), ends[:-1]), strict=True))
    known = set(map(tuple, cut["train"].tolist()))
    rows: dict[str, list[tuple[str, np.ndarray, float, int]]] = {}
    for split, own in cut.items():
        fresh = [one for one in own if tuple(exchanged(one).tolist()) not in known]
        traps = [row for one in fresh[: TRAPS[split]] for row in _trap(one, rng)]
        rows[split] = [*_graded(own, PAIRS[split], rng), *traps]
    return rows


def _graded(own: np.ndarray, count: int, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, float, int]]:
    """`count` pairs of each closeness, the closest last, of different meanings but for the closest."""
    for equal in range(len(ATTRIBUTES) + 1):
        found: dict[tuple[int, int], None] = {}
        while len(found) < count:
            first = rng.integers(len(own), size=10_000)
            second = rng.integers(len(own), size=10_000) if equal < len(ATTRIBUTES) else first
            right = (own[first] == own[second]).sum(1) == equal
            found |= dict.fromkeys(zip(first[right].tolist(), second[right].tolist(), strict=True))
        for pair in list(found)[:count]:
            for meaning in own[list(pair)]:
                yield _any(meaning, rng), meaning, equal / len(ATTRIBUTES), 0


def _any(meaning: np.ndarray, rng: np.random.Generator) -> str:
    return told(meaning, rng.integers(2, size=5), int(rng.integers(2)), int(rng.integers(len(ORDERS))))


def _trap(meaning: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, float, int]]:
    """Three pairs: a sentence, each time beside another one.

    A person's words stay his where he is both who did it and to whom it is done: the exchange moves them.
    """
    wording, passive = rng.integers(2, size=5), int(rng.integers(2))
    order, other = map(int, rng.integers(len(ORDERS), size=2))
    turned = exchanged(meaning)
    closeness = float((meaning == turned).mean())
    sentence = told(meaning, wording, passive, order)
    for part, (text, second, close) in enumerate(
        (
            (told(meaning, 1 - wording, 1 - passive, other), meaning, 1.0),
            (told(turned, exchanged(1 - wording), 1 - passive, other), turned, closeness),
            (told(turned, exchanged(wording), passive, order), turned, closeness),
        ),
        1,
    ):
        yield sentence, meaning, close, part
        yield text, second, close, part


def documentation() -> dict[str, list[tuple[str, str]]]:
    """{split: rows}: a sentence and its topic, in their order, no sentence twice."""
    seen: set[str] = set()
    rows: dict[str, list[tuple[str, str]]] = {}
    for split, topics in titled_topics().items():
        rows[split] = []
        for title, text in topics.items():
            fresh = [one for one in dict.fromkeys(sentences(text)) if one not in seen]
            seen.update(fresh)
            rows[split] += [(one, title) for one in fresh]
    return rows


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text's paragraphs, on one line each; without code, grammar, tables and headings."""
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip("\n").split("\n")
        if any(re.search(r"::=|>>>|^\s*[|+*=-]{3}|\s{2,}\S+\s{2,}", line.strip()) for line in lines):
            continue
        joined = re.sub(r"^[*-] ", "", " ".join(line.strip() for line in lines))
        for one in re.split(r"(?<=[.!?:]) +(?=[A-Z\"])", joined):
            if WORDS[0] <= len(one.split()) <= WORDS[1] and one[-1] in ".!?:":
                yield one


class Builder(OwnBuilder):
    """Sentences in pairs, or sentences with labels, in their order."""

    name = "sentences"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)

    def about(self):
        of_world = self.builder_config.name == "world"
        values = [[words for words, _ in wordings] for wordings in WORDINGS]
        return {"parts": list(PARTS), "attributes": list(ATTRIBUTES), "values": values} if of_world else {}

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"text": tfds.features.Text()}
        if self.builder_config.name == "world":
            features["meaning"] = tfds.features.Tensor(shape=(len(ATTRIBUTES),), dtype=np.int32)
            features |= {"closeness": tfds.features.Scalar(np.float32), "part": tfds.features.Scalar(np.int32)}
        else:
            titles = [title for topics in titled_topics().values() for title in topics]
            features["label"] = tfds.features.ClassLabel(names=titles)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        of_world = self.builder_config.name == "world"
        names = ("text", "meaning", "closeness", "part") if of_world else ("text", "label")
        splits = world() if of_world else documentation()
        return {split: self._generate_examples(rows, names) for split, rows in splits.items()}

    def _generate_examples(self, rows, names):
        for index, row in enumerate(rows):
            yield index, dict(zip(names, row, strict=True))

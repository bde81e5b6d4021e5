"""Captions that leave something open: they are completed, and then drawn.

"astronaut …" may be any astronaut, and what is drawn is one of them:

    p(picture | what is said) = Σ p(caption | what is said) p(picture | caption), over all whole captions.

A small transformer draws the caption: it learns from training's captions, of which words are lost, to write them as
they were. Networks of pictures read whole captions alone. They can learn open ones, too, but what is a question of
words costs them many steps (BUILD_NOTES.md). DALL·E 3, too, has a language model write users' captions to their end
(Betker et al. 2023, section 3.5), for another purpose: captions of its training are longer than users'.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset, Vocabulary
from deeplearn.losses.classification import token_cross_entropy
from deeplearn.models.translation import Transformer, translate
from deeplearn.optim.schedules import warm_adam
from deeplearn.text_to_image.captions import MORE, asked, leaves_open, lose_words, texts_of, tokens_of

TRIES = 8  # captions that are drawn for each, of which the first that has all that was said is taken
COMPLETING = 11  # folded into a run's key


@dataclasses.dataclass(frozen=True)
class Completing(dl.Config):
    completer_steps: int = dl.flag(
        2000, "steps of the transformer that completes captions which end with … (0: there is none)", min=0
    )


def completer(config: Completing, dataset: Dataset) -> Transformer | None:
    """The transformer from what is left of a caption to the whole, if there is one.

    None where captions are not cut into words: of these some can be left out.
    """
    assert dataset.vocabulary is not None
    if not config.completer_steps or dataset.vocabulary.level != "word":
        return None
    longest = dataset.train.spec["tokens"].shape[0]
    return Transformer(len(dataset.vocabulary), features=128, hidden=256, depth=2, heads=4, length=longest)


def complete(model: Any, batch: dl.Batch) -> dl.Losses:
    """The last stage of a system: the whole caption after what is left of it, a word after the other."""
    tokens, length = batch["tokens"], batch["length"]
    some = lose_words(tokens, length, model.make_rng("noise"))
    return token_cross_entropy(model.completer(*some, tokens[:, :-1], train=True), tokens[:, 1:], length - 1)


def stages(config: Completing, dataset: Dataset) -> list[dl.Stage]:
    """The stage in which the completer trains, if there is one."""
    if completer(config, dataset) is None:
        return []
    steps, turn = config.completer_steps, dl.Turn(complete, ("completer",), called="completer")
    return [dl.Stage([turn], warm_adam(2e-3, steps), steps, "completer", batch_size=config.batch_size)]


def tries(model: Any, batch: dl.Batch) -> jax.Array:
    """int32 [B, TRIES, time − 1]: what may have been each caption, after `begin`, drawn at random."""
    tokens, length = (batch[name].repeat(TRIES, 0) for name in ("tokens", "length"))
    ends = {"begin": Vocabulary.begin, "end": Vocabulary.end}
    found = translate(
        model.completer, tokens, length, steps=tokens.shape[1] - 1, key=model.make_rng("noise"), **ends
    )
    return found.reshape(-1, TRIES, found.shape[1])


def completed(trained: dl.Trained, tokens: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Captions int32 [N, time] and their lengths [N], those that end with `MORE` completed, each on its own.

    Where none of `TRIES` has all words that were said, the caption is what was said, and nothing more.
    """
    tokens, length = tokens.copy(), length.copy()
    left_open = np.flatnonzero((tokens == MORE).any(1))
    if not len(left_open):
        return tokens, length
    some = {"tokens": tokens[left_open], "length": length[left_open]}
    found = trained.folded(COMPLETING).over(tries, some, 100)
    for row, drawn in zip(left_open, found, strict=True):
        said = [token for token in tokens[row, 1 : length[row] - 1].tolist() if token != MORE]
        whole = (_words(one) for one in drawn.tolist())
        words = next((one for one in whole if one and Counter(said) <= Counter(one)), said)
        tokens[row], length[row] = Vocabulary.pad, len(words) + 2
        tokens[row, : length[row]] = [Vocabulary.begin, *words, Vocabulary.end]
    return tokens, length


def _words(drawn: list[int]) -> list[int]:
    """The words of a caption that was drawn, before its end; none where it has no end, or signs among its words."""
    words = drawn[: drawn.index(Vocabulary.end)] if Vocabulary.end in drawn else []
    return [] if {Vocabulary.pad, Vocabulary.unknown, Vocabulary.begin} & set(words) else words


def read(trained: dl.Trained, dataset: Dataset, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """`tokens_of` texts, what they leave open completed where there is a completer. Its UserErrors."""
    found = tokens_of(texts, dataset)
    return completed(trained, *found) if trained.model.completer else found


def read_asked(trained: dl.Trained, dataset: Dataset, text: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A user's text `count` times, as `asked` reads it, what it leaves open completed each time. Its UserErrors."""
    found = asked(text, dataset, trained.model.completer is not None)
    return completed(trained, *(one.repeat(count, 0) for one in found))


def whole(trained: dl.Trained, dataset: Dataset, texts: Sequence[str]) -> list[str]:
    """Texts for an encoder that knows other words, too; what they leave open completed, in words of the data set.

    UserErrors as of `asked`, for these.
    """
    found = dict(enumerate(texts))
    if left_open := [row for row, text in found.items() if leaves_open(text)]:
        rows = [asked(found[row], dataset, trained.model.completer is not None) for row in left_open]
        tokens, length = completed(trained, *map(np.concatenate, zip(*rows, strict=True)))
        made = texts_of({"tokens": tokens, "length": length}, dataset)
        # As the data set writes it, where it has this caption: "Mrs. Claus", which is cut into "Mrs . Claus".
        train = dataset.train.arrays()
        cut = texts_of({"tokens": train["tokens"]}, dataset)
        written = dict(zip(cut, texts_of(train, dataset), strict=True))
        found |= zip(left_open, (written.get(text, text) for text in made), strict=True)
    return list(found.values())

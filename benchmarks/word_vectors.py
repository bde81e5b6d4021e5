"""Word vectors beside gensim's: words a second on one core, and how well they agree with people, on one corpus.

    python -m benchmarks.word_vectors [SEEDS]

The corpus is the extract of Wikipedia that gensim's own files bring, and so are WordSim-353 and the analogies; both
learn from the same lists of words with the same settings: 100 features, a window of 5, 5 negatives, words that
occur 5 times, thinned out above .001, a rate of .025. But our CBOW has its true gradient and a rate of .075, and
our fastText draws its noise as the paper does. gensim has one worker; what either does before it trains is not
timed. A word counts as often as it stands in the text, so words a second compare as pairs a second do. Quality is
after 5 and 20 epochs, over SEEDS seeds (1 by default).
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import interleaved, ratio

BATCH = 64
FEATURES, WINDOW, NEGATIVES, LEAST, EPOCHS, ROUNDS, BUCKETS = 100, 5, 5, 5, (5, 20), 5, 100_000
EXTRACT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
WANTED = {"skipgram": 0.5, "cbow": 0.5, "fasttext": 1.0}  # ratios of times


@functools.cache
def sentences() -> list[list[str]]:
    from gensim.corpora import WikiCorpus
    from gensim.test.utils import datapath

    return list(WikiCorpus(datapath(EXTRACT), dictionary={}, processes=1).get_texts())


@functools.cache
def dataset() -> Any:
    from deeplearn.data import Arrays, Dataset, Ragged, Vocabulary

    vocabulary = Vocabulary.of(word for text in sentences() for word in text)
    rows = [vocabulary.encode(text) for text in sentences()]
    split = Arrays({"tokens": Ragged.of(rows, buckets=(max(map(len, rows)),))})
    return Dataset("wikipedia", split, split, split, vocabulary=vocabulary)


def learner(kind: str, epochs: float, seed: int) -> tuple[Any, int]:
    """(our trainer of one kind, its steps)."""
    from deeplearn.data.word_windows import THINNINGS
    from deeplearn.train.launch import parse
    from deeplearn.train.parallel import Layout
    from deeplearn.train.trainer import Trainer
    from experiments.representations import fasttext, word2vec

    module: Any = fasttext if kind == "fasttext" else word2vec
    flags = [f"--features={FEATURES}", f"--window={WINDOW}", f"--min_count={LEAST}", f"--negatives={NEGATIVES}"]
    flags += [
        f"--batch_size={BATCH}",
        f"--seed={seed}",
        "--subsample=.001",
        f"--buckets={BUCKETS}" if kind == "fasttext" else "",
    ]

    def built(steps: int) -> Any:
        config = parse(module.Config, [*filter(None, flags), f"--steps={steps}"])
        return config, module.build(config, dataset())

    config, experiment = built(1)
    steps = int(epochs * len(experiment.stages[0].data) / THINNINGS / config.batch_size)
    config, experiment = built(steps)
    (stage,) = experiment.stages
    alone = dataclasses.replace(stage, turns=[turn for turn in stage.turns if turn.of == kind])
    return Trainer(dataclasses.replace(experiment, stages=[alone]), config, Layout()), steps


def ours(kind: str, epochs: float, seed: int = 0) -> Callable[[], Any]:
    """Trains, and gives the state after it."""
    import jax

    trainer, steps = learner(kind, epochs, seed)
    start = trainer.initial()

    def train() -> Any:
        states, step = (
            [jax.tree.map(jax.numpy.copy, state) for state in start],
            0,
        )  # a step takes its state's memory
        while step < steps:
            states, _, step = trainer.advance(states, step, steps)
        return jax.block_until_ready(states)[0]

    return train


def gensims(kind: str, epochs: int, seed: int = 0, workers: int = 1) -> Callable[[], Any]:
    """Trains, and gives gensim's vectors. Its words are counted before."""
    from gensim.models import FastText, Word2Vec

    known = {"vector_size": FEATURES, "window": WINDOW, "negative": NEGATIVES, "min_count": LEAST}
    known |= {"workers": workers, "seed": seed + 1, "sg": int(kind != "cbow")}
    make = functools.partial(FastText, bucket=BUCKETS) if kind == "fasttext" else Word2Vec

    counted = make(**known)
    counted.build_vocab(sentences())

    def train() -> Any:
        model = copy.deepcopy(counted)
        model.train(sentences(), total_examples=model.corpus_count, epochs=epochs)
        return model.wv

    return train


def table_of(kind: str, state: Any) -> Any:
    """Our vectors as gensim's, so that both are judged by gensim's own functions."""
    from gensim.models import KeyedVectors

    from deeplearn.train.flags import parse
    from deeplearn.train.trained import Trained
    from experiments.representations import fasttext, word2vec

    module: Any = fasttext if kind == "fasttext" else word2vec
    config = parse(module.Config, [f"--min_count={LEAST}"])
    trained = Trained(None, {"params": {"inputs": state.params[kind]["inputs"]}}, None, config)
    found = module.vectors(trained, dataset())
    keyed = KeyedVectors(FEATURES)
    keyed.add_vectors(list(found.words), np.asarray(found.table))
    return keyed


def judged(vectors: Any) -> tuple[float, float]:
    """(Spearman's ρ on WordSim-353, accuracy of the analogies), by gensim."""
    from gensim.test.utils import datapath

    rho = vectors.evaluate_word_pairs(datapath("wordsim353.tsv"))[1].statistic
    return float(rho), float(vectors.evaluate_word_analogies(datapath("questions-words.txt"))[0])


def quality(seeds: int) -> None:
    print(f"  quality over {seeds} seed(s): WordSim-353 ρ, accuracy of analogies; mean ± standard error")
    for kind in WANTED:
        for epochs in EPOCHS:
            for name in ("gensim", "ours"):
                found = []
                for seed in range(seeds):
                    make = gensims(kind, epochs, seed) if name == "gensim" else ours(kind, epochs, seed)
                    result = make()
                    found.append(judged(result if name == "gensim" else table_of(kind, result)))
                mean, error = np.mean(found, 0), np.std(found, 0, ddof=min(1, seeds - 1)) / np.sqrt(seeds)
                text = ", ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True))
                print(f"    {kind:10s} {epochs:3d} epochs  {name:7s} {text}", flush=True)


def main(seeds: int = 1) -> None:
    if importlib.util.find_spec("gensim") is None:
        print("word vectors against gensim: skipped, since gensim is not here; `pip install gensim`, run it again")
        return
    if not hasattr(os, "sched_setaffinity"):
        print("word vectors against gensim: skipped, since this system cannot bind a process to a core")
        return
    cores = os.sched_getaffinity(0)
    words = sum(map(len, sentences()))
    os.sched_setaffinity(0, sorted(cores)[:1])
    print(f"word vectors against gensim, {words} words, one core, {ROUNDS} rounds interleaved of one epoch")
    for kind, wanted in WANTED.items():
        seconds = interleaved(
            {"gensim": gensims(kind, 1), "again": gensims(kind, 1), "ours": ours(kind, 1)}, ROUNDS
        )
        speed = {name: words / np.median(values) / 1e3 for name, values in seconds.items()}
        (control, *_), (median, low, high) = (ratio(seconds, name, "gensim") for name in ("again", "ours"))
        print(
            f"  {kind:10s} gensim {speed['gensim']:5.0f}k words/s   ours {speed['ours']:5.0f}k   ratio of times "
            f"{median:.2f} ({low:.2f} to {high:.2f}; wanted {wanted}; gensim to itself {control:.2f})",
            flush=True,
        )
    os.sched_setaffinity(0, cores)
    quality(seeds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

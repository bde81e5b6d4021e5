"""Uses word vectors, of a run or a file: neighbours, analogies, people's judgements, a map, other programs' files.

    python -m deeplearn.vectors neighbours --run=runs/representations.word2vec king queen [--count=10]
    python -m deeplearn.vectors analogy --run=runs/representations.word2vec man king woman [--form=mul]
    python -m deeplearn.vectors judge --vectors=wiki.bin --analogies=questions-words.txt --judged=wordsim353.tsv
    python -m deeplearn.vectors map --run=runs/representations.glove --file=map.png
    python -m deeplearn.vectors export --run=runs/representations.fasttext --file=vectors.bin

--vectors is a file of word2vec's text or binary form, of GloVe's, or a `.bin` of fastText. analogy says what is to
the third word as the second is to the first: man is to king as woman is to …? export writes `.txt` or `.vec`, or
`.bin`, which is fastText's where words are made of n-grams and word2vec's otherwise. A word is looked for as it is
written, then in small letters; one never seen has a vector where n-grams have.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplearn.command import execute, parser
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit
from deeplearn.metrics.word_vectors import analogy_scores
from deeplearn.runs.export import writing
from deeplearn.runs.run import open_run
from deeplearn.train.evaluation import as_png
from deeplearn.vectors.files import read, write
from deeplearn.vectors.questions import of_analogies, of_judged, read_analogies, read_judged
from deeplearn.vectors.table import Vectors

COMMANDS = ("neighbours", "analogy", "judge", "map", "export")
FORMS = ("add", "mul")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.vectors", __doc__)
    commands = flags.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name in COMMANDS:
        command = commands.add_parser(name, allow_abbrev=False)
        given = command.add_mutually_exclusive_group(required=True)
        given.add_argument("--run", type=Path, help="a run directory of word vectors")
        given.add_argument("--vectors", type=Path, help="a file of word vectors")
        command.add_argument("--replica", type=int, default=0, help="which of the run's replicas, from 0")
        if name in ("neighbours", "analogy"):
            command.add_argument("--count", type=int, default=10, help="words to be shown")
        if name in ("map", "export"):
            command.add_argument("--file", type=Path, required=True, help="the file to write")
    commands.choices["neighbours"].add_argument("words", nargs="+")
    commands.choices["analogy"].add_argument("words", nargs=3)
    commands.choices["analogy"].add_argument("--form", choices=FORMS, default="add", help="3CosAdd or 3CosMul")
    commands.choices["judge"].add_argument("--analogies", default="", help="lines of four words")
    commands.choices["judge"].add_argument("--judged", action="append", default=[], help="two words and a number")
    commands.choices["map"].add_argument("--count", type=int, default=150, help="of the most frequent words")
    return flags.parse_args(arguments)


def vectors(chosen: argparse.Namespace) -> Vectors:
    """Those of the file, or of the run. UserError for a run that has none."""
    if chosen.vectors is not None:
        return read(chosen.vectors)
    run = open_run(chosen.run, chosen.replica)
    if run.experiment.vectors is None:
        raise UserError(f"{run.name} has no word vectors: name a run of word2vec, glove or fasttext")
    return run.experiment.vectors(run.trained, run.described)


def neighbours(found: Vectors, words: Sequence[str], count: int) -> str:
    lines = []
    for word in words:
        near = found.nearest(found[word], count, [word])
        lines += [word, *(f"  {cosine:.3f}  {other}" for other, cosine in near)]
    return "\n".join(lines)


def analogy(found: Vectors, words: Sequence[str], count: int, form: str) -> str:
    # Words never seen come after all others, as rows of their own.
    given = np.stack([found[word] for word in words])
    table = np.concatenate([found.table, given])
    places = len(found.words) + np.arange(3)
    scores = analogy_scores(table, places[None], form)[0, : len(found.words)]
    lines = [f"{words[0]} is to {words[1]} as {words[2]} is to"]
    lines += [f"  {score:.3f}  {other}" for other, score in found.best(scores, count, words)]
    return "\n".join(lines)


def judge(found: Vectors, analogies: str, judged: Sequence[str]) -> str:
    if not analogies and not judged:
        raise UserError("name a file of --analogies, or of --judged pairs")
    lines = []
    if analogies:
        lines += [f"{analogies}: {_written(of_analogies(found, read_analogies(analogies)))}"]
    lines += [f"{path}: {_written(of_judged(found, read_judged(path)))}" for path in judged]
    return "\n".join(lines)


def _written(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    if getattr(chosen, "count", 1) < 1:
        raise UserError(f"--count={chosen.count} should be at least 1")
    if chosen.command == "map" and chosen.file.suffix != ".png":
        raise UserError(f"--file={chosen.file} should end in .png")
    found = vectors(chosen)
    if chosen.command == "neighbours":
        print(neighbours(found, chosen.words, chosen.count))
    elif chosen.command == "analogy":
        print(analogy(found, chosen.words, chosen.count, chosen.form))
    elif chosen.command == "judge":
        print(judge(found, chosen.analogies, chosen.judged))
    elif chosen.command == "export":
        write(found, chosen.file)
        print(f"{chosen.file}: {len(found.words)} vectors of {found.table.shape[1]} numbers")
    else:
        from deeplearn.baselines.embeddings import t_sne
        from deeplearn.figures.words import word_map

        words = found.words[: chosen.count]
        if len(words) < 3:
            raise UserError("a map needs at least three words")
        picture = word_map(t_sne(unit(found.table[: len(words)])), words, [""] * len(words))
        writing(chosen.file, lambda: chosen.file.write_bytes(as_png(picture)))
        print(f"{chosen.file}: {len(words)} words")


if __name__ == "__main__":
    execute(main, sys.argv[1:])

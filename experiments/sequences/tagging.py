"""A tag for each token: an LSTM that reads forward against one that reads both ways (many to many, aligned).

    python -m experiments.sequences.tagging --replicas=5
    python -m experiments.sequences.tagging --dataset=conll:FILE --unknown=.1 --embedding=64 --features=64
    python -m deeplearn.runs ask --run=runs/sequences.tagging --text="x = 'a # b'  # c"

The default tags each character of Python source by the kind of its token. A character inside quotes looks like any
other, and its window may begin inside a string: what comes later helps. Both networks have equally many weights
(the second is Huang, Xu & Yu's BI-LSTM, 2015, section 2.2). Measured: accuracy and F1 of each class, of BIO tags
the F1 of spans (Tjong Kim Sang & De Meulder 2003). Words that training lacks are one unknown token, which it
learns from words that it hides (`--unknown`). Baselines: the most frequent tag of the n-gram around a token, sizes
chosen on validation.
"""

import dataclasses
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.ngram_tagger import ngram_taggers, within
from deeplearn.data import Dataset
from deeplearn.data.question import asked, whole
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars
from deeplearn.figures.tagged import tagged_text
from deeplearn.losses.classification import token_cross_entropy
from deeplearn.metrics.tagging import is_bio, span_scores, token_scores
from deeplearn.models.token_classifier import Tagger
from deeplearn.models.token_encoder import TokenEncoder, alike

SHOWN = 4000  # tokens, from the first of test, of which the figure shows what has room
BUCKET = 64  # tokens: a question is padded to a multiple, so that few lengths are compiled
NAMED = 12  # classes whose bars are drawn
HARD = ("string", "comment")  # whose end is to be seen, or its begin


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "code/python"
    steps: int = 500
    batch_size: int = 32
    learning_rate: float = 5e-3
    clip: float = 1.0
    embedding: int = dl.flag(32, "features of a token's vector", min=1)
    features: int = dl.flag(64, "units of each direction of the bidirectional LSTM", min=1)
    layers: int = dl.flag(1, "recurrent layers", min=1)
    dropout: float = dl.flag(
        0.1, "fraction of features dropped, embedded and before the last layer", min=0, max=0.95
    )
    unknown: float = dl.flag(0.0, "fraction of tokens that training reads as unknown", min=0, max=0.95)

    # Huang, Xu & Yu 2015, sections 3 and 4: vectors of 50 features, 300 units, rate .1, under ten epochs. Their
    # batches are of 100 tokens, ours of as many windows.
    PAPER = {
        "embedding": 50,
        "features": 300,
        "batch_size": 100,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "steps": 1000,
    }
    TINY = {"embedding": 4, "features": 4}


def logits(model: Tagger, batch: dl.Batch, train: bool = False) -> Any:
    return model(batch["tokens"], batch["length"], train)


def tag(model: Tagger, batch: dl.Batch) -> dl.Losses:
    return token_cross_entropy(logits(model, batch, train=True), batch["tags"], batch["length"])


def validate(model: Tagger, batch: dl.Batch) -> dl.Metrics:
    loss, metrics = token_cross_entropy(logits(model, batch), batch["tags"], batch["length"])
    return {"loss": loss, **metrics}


def best_tags(model: Tagger, batch: dl.Batch) -> Any:
    return logits(model, batch).argmax(-1)


def measure(dataset: Dataset, predicted: np.ndarray) -> dl.Measured:
    """The row of these tags [rows, time] of test."""
    test, classes = dataset.test.arrays(), dataset.classes
    here = within(test)
    metrics = token_scores(test["tags"][here], predicted[here], classes)
    if is_bio(classes):
        truth, found = (
            [[classes[number] for number in row[:length]] for row, length in zip(tags, test["length"], strict=True)]
            for tags in (test["tags"], predicted)
        )
        metrics = {"accuracy": metrics["accuracy"], **span_scores(truth, found)}
    return dl.Measured(metrics, {"predicted": predicted})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    row = measure(dataset, trained.over(best_tags, test, size=100))
    return dl.ours({**row.metrics, "loss": trained.mean(validate, test, size=100)["loss"]}, **row.arrays)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return ngram_taggers(dataset, partial(measure, dataset))


def figures(report: dl.Report) -> dict[str, Any]:
    test, classes = report.dataset.test.arrays(), report.dataset.classes
    here = within(test)
    bio = is_bio(classes)
    names = [name for name in report.ours.metrics if name.startswith("span_f1 of " if bio else "f1 of ")][:NAMED]

    def by_class() -> Any:
        spread = {name: report.spread(name, ours="both ways") for name in names}
        rows = {
            f"{name.partition(' of ')[2]}, {who}": x for name, each in spread.items() for who, x in each.items()
        }
        return bars(rows, "F1 of spans" if bio else "F1 of tokens")

    def pieces(row: str) -> Any:
        vocabulary = report.dataset.vocabulary
        assert vocabulary is not None
        words = vocabulary.level == "word"
        shown, predicted = [], report.rows[row].arrays["predicted"]
        for number in range(len(test["length"])):
            ids, at = test["tokens"][number][here[number]], here[number]
            cells = [vocabulary.tokens[i] + " " * words for i in ids]
            shown += list(zip(cells, predicted[number][at], test["tags"][number][at], strict=True))
            shown += [("\n", 0, 0)] if words else []
            if len(shown) > SHOWN:
                break
        text, found, truth = zip(*shown, strict=True)
        return tagged_text(text, np.array(found), np.array(truth), classes, "both ways" if row == dl.OURS else row)

    pictures = {"by_class": by_class} if names else {}
    return pictures | {"both_ways": partial(pieces, dl.OURS), "forward": partial(pieces, FORWARD)}


FORWARD = "forward LSTM"


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """Runs of characters with their class; of words each with its tag, sentences as in a CoNLL file."""
    vocabulary = dataset.vocabulary
    assert vocabulary is not None  # build has seen to it
    words = vocabulary.level == "word"
    lines = []
    for text in asked(question) if words else [whole(question)]:
        tokens = vocabulary.cut(text)
        width = -(-len(tokens) // BUCKET) * BUCKET
        ids = np.zeros((1, width), np.int32)
        ids[0, : len(tokens)] = vocabulary.encode(tokens)
        batch = {"tokens": ids, "length": np.array([len(tokens)], np.int32)}
        tags = np.asarray(trained["both"](best_tags, batch))[0]
        cells = list(zip(tokens, (dataset.classes[number] for number in tags), strict=False))
        if words:
            lines += [*(f"{token}\t{name}" for token, name in cells), ""]
            continue
        for name, run in groupby(cells, key=lambda cell: cell[1]):
            lines.append(f"{name}\t{''.join(token for token, _ in run)!r}")
    return "\n".join(lines).rstrip("\n")


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if not {"tokens", "tags"} <= set(dataset.train.spec):
        raise UserError(f"--dataset={dataset.name} has no tags: choose code/python or conll:FILE")
    assert dataset.vocabulary is not None  # tokens have one
    encoder = TokenEncoder(
        len(dataset.vocabulary),
        "lstm",
        config.embedding,
        config.features,
        config.layers,
        dropout=config.dropout,
        unknown=config.unknown,
    )
    forward = encoder.clone(bidirectional=False, features=alike(config.features, config.embedding))
    rivals = {
        name: dl.Rival(
            Tagger(one, len(dataset.classes), config.dropout),
            [dl.Stage([dl.Turn(tag)], config.chain(), config.steps, ema=0.99)],
            evaluate,
            validate,
            row=row,
        )
        for name, one, row in (("both", encoder, ""), ("forward", forward, FORWARD))
    }
    hard = [f"f1 of {name}" for name in HARD if name in dataset.classes]
    claims = [
        dl.Claim(f"to read both ways helps: {metric}", dl.OURS, FORWARD, metric)
        for metric in (["span_f1"] if is_bio(dataset.classes) else hard or ["accuracy"])
    ]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, answer=answer, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)

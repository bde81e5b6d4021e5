"""Which class is a text of? A recurrent network reads it, its vectors are pooled into one (many to one).

    python -m experiments.sequences.classify --replicas=5
    python -m experiments.sequences.classify --dataset=sentiment/words --replicas=5
    python -m experiments.sequences.classify --dataset=csv:FILE@word
    python -m deeplearn.runs ask --run=runs/sequences.classify --text="neuseeländischer Dollar"

The default asks for the language of a name, among twenty in Latin letters; training has seen the same territory,
language or currency in no language. What a recurrent layer makes of the characters stands beside the mean of their
embedded n-grams (Joulin et al. 2017), as in a wide and deep network (Cheng et al. 2016). `--layers=0` has these
alone, `--ngrams= --noskip` the recurrent layer alone; `--network=convolution --windows=3,4,5 --noskip` is Kim's
(2014). Baselines: logistic regression and naive Bayes on n-grams, their sizes chosen on validation, and where the
classes are negative and positive VADER (Hutto & Gilbert 2014), except on the words of its own lexicon.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.texts import ngrams, vader
from deeplearn.data import Dataset
from deeplearn.data.question import asked
from deeplearn.errors import UserError
from deeplearn.figures.mistakes import confusion_and_wrong_texts
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.tagging import token_scores
from deeplearn.models.token_classifier import POOLINGS, TokenClassifier
from deeplearn.models.token_encoder import NETWORKS, TokenEncoder

TOLD = 5  # classes that an answer names


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "names/languages"
    steps: int = 500
    learning_rate: float = 1.5e-2
    network: str = dl.flag("gru", "layers over the embedded tokens", choices=NETWORKS)
    embedding: int = dl.flag(32, "features of a token's vector", min=1)
    features: int = dl.flag(32, "units of a layer, in each direction", min=1)
    layers: int = dl.flag(1, "recurrent or attention layers (0: none, so the embedded tokens alone)", min=0)
    bidirectional: bool = dl.flag(True, "whether a second recurrent layer reads from the end")
    ngrams: tuple[int, ...] = dl.flag(
        (1, 2, 3, 4, 5, 6), "sizes of n-grams that are embedded too (empty: none)", min=1
    )
    buckets: int = dl.flag(2**17, "rows of the table of n-grams", min=1)
    windows: tuple[int, ...] = dl.flag((), "widths of convolutions before the layers (empty: none)", min=1)
    skip: bool = dl.flag(True, "n-grams stand beside what the layers make of the tokens; or the layers read them")
    pooling: str = dl.flag("max", "how the vectors of all tokens become one", choices=POOLINGS)
    dropout: float = dl.flag(0.2, "fraction of features dropped, embedded and pooled", min=0, max=0.95)
    unknown: float = dl.flag(0.05, "fraction of tokens that training reads as unknown", min=0, max=0.95)
    longest: int = dl.flag(32, "tokens of a text that are read", min=1)

    # The LSTM of Dai & Le 2015, section 4, without their pretraining and their dense layer before the last; the
    # rate is ours.
    PAPER = {
        "dataset": "imdb_reviews@word",
        "network": "lstm",
        "embedding": 512,
        "features": 1024,
        "bidirectional": False,
        "ngrams": (),
        "skip": False,
        "pooling": "last",
        "dropout": 0.5,
        "unknown": 0.0,
        "longest": 400,
        "learning_rate": 1e-3,
        "steps": 20_000,
    }
    TINY = {"embedding": 4, "features": 4, "buckets": 64}


def logits(model: TokenClassifier, batch: dl.Batch, longest: int, train: bool = False) -> jax.Array:
    return model(batch["tokens"][:, :longest], batch["length"].clip(max=longest), train)


def classify(model: TokenClassifier, batch: dl.Batch, longest: int) -> dl.Losses:
    return cross_entropy(logits(model, batch, longest, train=True), batch["label"])


def validate(model: TokenClassifier, batch: dl.Batch, longest: int) -> dl.Metrics:
    loss, metrics = cross_entropy(logits(model, batch, longest), batch["label"])
    return {"loss": loss, **metrics}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    score = trained.over(logits, test, longest=trained.config.longest)
    predicted = score.argmax(-1)
    loss = float(cross_entropy(jnp.asarray(score), jnp.asarray(test["label"]))[0])
    found = token_scores(test["label"], predicted, dataset.classes)
    metrics = {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"], "loss": loss}
    return dl.ours(metrics, predicted=predicted)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return {**ngrams(dataset), **vader(dataset)}


def figures(report: dl.Report) -> dict[str, Any]:
    test = report.dataset.test.arrays()
    predicted = report.ours.arrays["predicted"]
    return confusion_and_wrong_texts(test["text"], test["label"], predicted, report.dataset.classes)


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """The most probable classes of a text, or of each line of a file."""
    vocabulary = dataset.vocabulary
    assert vocabulary is not None  # build has seen to it
    longest, answers = trained.config.longest, []
    for text in asked(question):
        ids = vocabulary.ids(text)[:longest]
        tokens = np.zeros((1, longest), np.int32)
        tokens[0, : len(ids)] = ids
        batch = {"tokens": tokens, "length": np.array([len(ids)], np.int32)}
        probability = np.asarray(jax.nn.softmax(trained(logits, batch, longest=longest)[0]))
        best = np.argsort(-probability, kind="stable")[:TOLD]
        answers.append(", ".join(f"{dataset.classes[number]} {probability[number]:.3f}" for number in best))
    return "\n".join(answers)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if not {"tokens", "label"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} has no texts with labels: choose names/languages, sentiment/words or csv:"
        )
    assert dataset.vocabulary is not None  # tokens have one
    encoder = TokenEncoder(
        len(dataset.vocabulary),
        config.network,
        config.embedding,
        config.features,
        config.layers,
        config.bidirectional,
        config.ngrams,
        config.buckets,
        config.windows,
        config.skip,
        config.dropout,
        config.unknown,
    )
    claims = [
        dl.Claim(f"it is right more often than {row}", dl.OURS, row, "accuracy")
        for row in ("logistic regression on n-grams", "naive Bayes on n-grams")
    ]
    return dl.Experiment(
        model=TokenClassifier(encoder, len(dataset.classes), config.pooling, config.dropout),
        stages=[
            dl.Stage([dl.Turn(partial(classify, longest=config.longest))], config.chain(), config.steps, ema=0.995)
        ],
        data=dataset,
        evaluate=evaluate,
        validate=partial(validate, longest=config.longest),
        best="accuracy",
        baselines=baselines,
        figures=figures,
        answer=answer,
        claims=claims,
    )


if __name__ == "__main__":
    dl.launch(Config, build)

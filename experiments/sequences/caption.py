"""Captions: a decoder that looks at places of a picture, word by word, beside one that is shown one vector.

    python -m experiments.sequences.caption --replicas=5

An encoder of convolutions, a recurrent decoder, and Bahdanau attention over the encoder's places (Xu et al. 2015,
"Show, Attend and Tell", soft attention); beside it a decoder that is shown one vector, the mean of all places,
before the first word (Vinyals et al. 2015, "Show and Tell"). `--penalty=1` is Xu's doubly stochastic attention, a
penalty λ Σᵢ (1 − Σₜ αₜᵢ)² that wants every place to be looked at. Pictures are OpenMoji's, by default. Its test
pictures are new combinations: persons of a kind (`exact_person`) and tones of skin (`exact_tone`) that training
shows elsewhere, but never together. A caption is right (`exact`) where it is one of the picture's names, word for
word. Baselines: the caption of the nearest training picture, by pixels and by principal components, and ridge
regression from pixels to words.

    python -m experiments.sequences.caption --dataset=captions:PATH@64 --workdir=runs/caption
    python -m deeplearn.runs ask --run=runs/caption --file=picture.png

learns from a folder of pictures beside a metadata.csv with file_name and text, and then captions a picture.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.captioners import captioners
from deeplearn.data import Dataset, Vocabulary
from deeplearn.data.folder import as_example
from deeplearn.errors import UserError
from deeplearn.figures.captioned import judged, word_by_word
from deeplearn.figures.plots import bars
from deeplearn.metrics.captions import Words, exact, names_of, word_overlap
from deeplearn.models.captioner import Captioner
from deeplearn.nn.cells import GRUCell, LSTMCell

CELLS = {"lstm": LSTMCell, "gru": GRUCell}
Captions = list[list[str]]


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "openmoji/32"
    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 4e-3
    clip: float = 5.0
    widths: tuple[int, ...] = dl.flag((16, 32, 64), "features of each stage of the encoder", min=1)
    depths: tuple[int, ...] = dl.flag((1, 1, 2), "layers of each stage", min=1)
    embedding: int = dl.flag(64, "features of an embedded word", min=1)
    hidden: int = dl.flag(128, "units of the decoder's cell, and of attention", min=1)
    cell: str = dl.flag("lstm", "the decoder's cell", choices=tuple(CELLS))
    dropout: float = dl.flag(0.1, "fraction dropped of the picture's features and before the words", min=0, max=0.9)
    penalty: float = dl.flag(0.0, "λ of doubly stochastic attention", min=0)
    beams: int = dl.flag(3, "captions that are kept while one is searched for", min=1)

    # The authors' own settings for COCO; the encoder, as deep as VGG-19's up to conv5_4, is trained with the rest.
    PAPER = {
        "dataset": "openmoji/64",
        "widths": (64, 128, 256, 512, 512),
        "depths": (2, 2, 4, 4, 4),
        "embedding": 512,
        "hidden": 1800,
        "dropout": 0.5,
        "penalty": 1.0,
        "steps": 100_000,
    }
    TINY = {"widths": (4, 4), "depths": (1, 1), "embedding": 4, "hidden": 8, "penalty": 1.0, "beams": 2}


def likelihood(model: Captioner, batch: dl.Batch, train: bool) -> tuple[dl.Mean, dl.Metrics, jax.Array]:
    """Mean negative log-likelihood of a token, metrics, and how much each place was looked at [B, places]."""
    tokens = batch["tokens"]
    logits, weights = model(batch["image"], tokens[:, :-1], train)
    real = jnp.arange(tokens.shape[1] - 1) < batch["length"][:, None] - 1
    nll = dl.Mean.of(optax.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:]), real)
    metrics = {"nll": nll, "word_accuracy": dl.Mean.of(logits.argmax(-1) == tokens[:, 1:], real)}
    return nll, metrics, jnp.einsum("btp,bt->bp", weights, real.astype(weights.dtype))


def describe(model: Captioner, batch: dl.Batch, penalty: float) -> dl.Losses:
    nll, metrics, looked = likelihood(model, batch, train=True)
    # Xu et al., equation 14: a sum over an example's words and places; as the other, divided by the words.
    return dl.Mean(nll.total + penalty * jnp.square(1 - looked).sum(), nll.weight), metrics


def validate(model: Captioner, batch: dl.Batch) -> dl.Metrics:
    return likelihood(model, batch, train=False)[1]


def caption(model: Captioner, image: jax.Array, steps: int, beams: int) -> jax.Array:
    return model.caption(image, steps=steps, begin=Vocabulary.begin, end=Vocabulary.end, beams=beams)


def places(model: Captioner, image: jax.Array, tokens: jax.Array) -> jax.Array:
    return model(image, tokens)[1]


def spoken(trained: dl.Trained, dataset: Dataset, image: np.ndarray) -> tuple[np.ndarray, Captions]:
    """Captions of images, as tokens int32 [N, steps] and as words."""
    steps = dataset.train.spec["tokens"].shape[0] - 1
    tokens = trained.over(caption, image, steps=steps, beams=trained.config.beams)
    return tokens, [dataset.vocabulary.decode(row) for row in tokens]  # type: ignore[union-attr]


def names(dataset: Dataset, split: str) -> list[list[Words]]:
    columns = getattr(dataset, split).arrays()
    words = [dataset.vocabulary.cut(text) for text in columns["text"]]  # type: ignore[union-attr]
    return names_of(words, columns["label"].tolist() if "label" in columns else None)


def measure(dataset: Dataset, captions: Captions, split: str) -> dict[str, float]:
    called, columns = names(dataset, split), getattr(dataset, split).arrays()
    right = exact(captions, called)
    metrics = {"exact": float(right.mean()), "word_overlap": float(word_overlap(captions, called).mean())}
    for number, what in enumerate(dataset.about.get("held out", ())):
        if what and (of := columns["held_out"] == number).any():
            metrics[f"exact_{what}"] = float(right[of].mean())
    return metrics


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    tokens, captions = spoken(trained, dataset, test["image"])
    metrics = {**measure(dataset, captions, "test"), **trained.mean(validate, test)}
    return dl.ours(metrics, tokens=tokens, captions=captions)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return captioners(dataset, partial(measure, dataset), choose="word_overlap")


def some(count: int, of: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, of).astype(int))


def shown(dataset: Dataset, rows: np.ndarray, captions: Captions) -> Any:
    """These test pictures with their captions, which are right or wrong."""
    called = [names(dataset, "test")[row] for row in rows]
    right, join = exact(captions, called), dataset.vocabulary.join  # type: ignore[union-attr]
    image = dataset.test.arrays()["image"][rows]
    said, name = [join(one) for one in captions], [join(each[0]) for each in called]
    return judged(image, said, name, right, dataset.about.get("credit", ""))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = some(len(dataset.test), 18)
    image = dataset.test.arrays()["image"][rows]
    return shown(dataset, rows, spoken(trained["attention"], dataset, image)[1])


def figures(report: dl.Report) -> dict[str, Any]:
    dataset, ours = report.dataset, report.ours.arrays
    image, credit = dataset.test.arrays()["image"], dataset.about.get("credit", "")
    each = {name: row.metrics["exact"] for name, row in report.rows.items() if name not in report.replicas[0]}
    means = report.spread("exact", ours="attention") | each

    def attention() -> Any:
        rows = some(len(image), 6)
        begins = np.full((len(rows), 1), Vocabulary.begin, np.int32)
        tokens = np.concatenate([begins, ours["tokens"][rows]], 1)
        weights = np.asarray(report.trained["attention"](places, image[rows], tokens[:, :-1]))
        grid = [side // 2 ** (len(report.config.widths) - 1) for side in image.shape[1:3]]
        words = [[*ours["captions"][row], "(end)"][: weights.shape[1]] for row in rows]
        return word_by_word(image[rows], weights.reshape(*weights.shape[:2], *grid), words, credit)

    def captions() -> Any:
        rows = some(len(image), 36)
        return shown(dataset, rows, [ours["captions"][row] for row in rows])

    return {
        "attention": attention,
        "captions": captions,
        "exact": lambda: bars(means, "test captions that are right word for word"),
    }


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    image = as_example(Path(question), dataset.image_shape)[None]
    (words,) = spoken(trained["attention"], dataset, image)[1]
    return dataset.vocabulary.join(words)  # type: ignore[union-attr]


CLAIMS = (
    dl.Claim("attention over places makes for more captions that are right", dl.OURS, "one vector", "exact"),
    dl.Claim(
        "captions have more right words than the nearest picture's", dl.OURS, "nearest picture", "word_overlap"
    ),
)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_images("this experiment captions images")
    if dataset.vocabulary is None or "tokens" not in dataset.train.spec or "text" not in dataset.train.texts:
        raise UserError(f"--dataset={config.dataset} has no captions: choose openmoji/32, or captions:PATH")
    if len(config.widths) != len(config.depths):
        raise UserError("--widths and --depths are of the same stages: give them equally many numbers")
    if (side := min(dataset.image_shape[:2])) < 2 ** (len(config.widths) - 1):
        raise UserError(f"images of {side} pixels cannot be halved {len(config.widths) - 1} times: fewer --widths")
    base = Captioner(
        len(dataset.vocabulary),
        config.widths,
        config.depths,
        config.embedding,
        config.hidden,
        cell=CELLS[config.cell],
        dropout=config.dropout,
    )
    rivals = {}
    for name, row, attention in (("attention", "attention", True), ("vector", "one vector", False)):
        loss = partial(describe, penalty=config.penalty * attention)
        stage = dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.99)
        rivals[name] = dl.Rival(base.clone(attention=attention), [stage], evaluate, validate, row=row)
    fields: dict[str, Any] = {"baselines": baselines, "figures": figures, "sheet": sheet, "answer": answer}
    return dl.side_by_side(rivals, data=dataset, claims=CLAIMS, **fields)


if __name__ == "__main__":
    dl.launch(Config, build)

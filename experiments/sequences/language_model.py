"""Language models: a window, RNN, GRU, LSTM, deep LSTM and a transformer of equal sizes, in bits per character.

    python -m experiments.sequences.language_model --replicas=5
    python -m experiments.sequences.language_model --dataset=text:novel.txt --steps=8000
    python -m deeplearn.runs ask --run=runs/sequences.language_model --text="The statement"

Each predicts the next character from those before: a feed-forward network on a window (Bengio et al. 2003),
recurrent nets (Graves 2013) and a transformer's decoder (Radford et al. 2018), as wide as the same number of
parameters allows. They learn from random windows of the training text.

Measured: `bits_per_character` of the whole test text, each character predicted from at least half a window; for
texts cut into words or pieces, per character of what they spell. Baselines: n-grams with modified Kneser–Ney
smoothing, their order chosen on validation, and what xz -9e and zstd -19 add to the training text's file when test
follows in it (so they, unlike the others, learn from test while they read it). `ask` goes on with a text or a text
file.
"""

import dataclasses
import os
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.ngrams import ngrams, text_compressors
from deeplearn.data import Dataset
from deeplearn.data.running import RunningWindows, running, scored, written
from deeplearn.data.utf8 import read
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars, curves
from deeplearn.figures.text import text_image
from deeplearn.models.language import KINDS, LanguageModel, Sizes, go_on, parameter_count, sized

FIRST = "lstm"  # the row of the experiment itself
ROWS = {"lstm": "LSTM", "deep_lstm": "deep LSTM", "gru": "GRU", "rnn": "RNN"}
SLOWER = {"transformer": 0.3}  # of the learning rate: what is best for the others is too much for it
ANSWER = 400  # tokens that an answer adds
PROMPT, SAMPLES, COLUMNS = 40, 3, 100  # of the sheet: tokens, their number, characters of a line


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "text/python_docs"
    steps: int = 4000
    batch_size: int = 16
    learning_rate: float = 5e-3
    clip: float = 1.0
    parameters: int = dl.flag(200_000, "of each model, at most", min=1000)
    context: int = dl.flag(64, "tokens of a window", min=2)
    depth: int = dl.flag(2, "layers of the deep LSTM and of the transformer", min=1)
    heads: int = dl.flag(4, "of the transformer; widths are multiples of twice as many", min=1)
    dropout: float = dl.flag(0.2, "fraction dropped in training", min=0, max=0.99)
    kinds: tuple[str, ...] = dl.flag(KINDS, "models to compare; lstm must be one of them", choices=KINDS)
    temperature: float = dl.flag(0.7, "of samples; 0: always the most probable token", min=0)
    top_p: float = dl.flag(0.95, "samples are of the most probable tokens that have this probability", min=0, max=1)

    # The transformer is GPT-2 small without its embeddings: 12 layers of 768, 12 heads, a context of 1024
    # (Radford et al. 2019, table 2); the others are as large.
    PAPER = {
        **{"parameters": 85_400_000, "context": 1024, "depth": 12, "heads": 12, "dropout": 0.1, "batch_size": 512},
        **{"optimizer": "adamw", "learning_rate": 2e-3, "steps": 100_000},
    }
    TINY = {"parameters": 5000, "context": 8, "depth": 1, "heads": 1, "kinds": ("lstm", "window", "transformer")}


def vocabulary_of(dataset: Dataset) -> Vocabulary:
    if dataset.vocabulary is None or not {"tokens", "length"} <= set(dataset.train.spec):
        raise UserError(f"--dataset={dataset.name} is not one of texts: choose text/python_docs or text:FILE")
    return dataset.vocabulary


def predict(model: LanguageModel, batch: dl.Batch) -> dl.Losses:
    tokens = batch["tokens"]
    loss = code_length(model(tokens[:, :-1], train=True), tokens[:, 1:]).mean()
    return loss, {"bits_per_token": loss / jnp.log(2)}


def code_length(logits: jax.Array, tokens: jax.Array) -> jax.Array:
    """−ln p of each token [batch, time], in float32."""
    return optax.softmax_cross_entropy_with_integer_labels(logits.astype(jnp.float32), tokens)


def validate(model: LanguageModel, batch: dl.Batch, context: int) -> dl.Metrics:
    """Of the begin of each row: a transformer knows no places beyond those that it was trained on."""
    tokens, length = batch["tokens"][:, : context + 1], batch["length"]
    inside = jnp.arange(1, tokens.shape[1]) < length[:, None]
    bits = code_length(model(tokens[:, :-1]), tokens[:, 1:]) / jnp.log(2)
    return {"bits_per_token": dl.Mean.of(bits, inside)}


def bits(model: LanguageModel, rows: dl.Batch) -> jax.Array:
    """Of each token of a window but its first, [windows, context]."""
    return code_length(model(rows["tokens"][:, :-1]), rows["tokens"][:, 1:]) / jnp.log(2)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    tokens, context = running(dataset.test), trained.config.context
    windows = scored(tokens, context)
    found = np.asarray(trained.over(bits, windows, size=64), np.float64)
    total = (found * windows["weight"]).sum() / len(written(tokens, vocabulary_of(dataset)))
    metrics = {"bits_per_character": total, "parameters": trained.facts["parameters"]}
    whole = found[:-1] if len(found) > 1 else found  # the last window may be padded
    return dl.ours(metrics, by_place=whole.mean(0))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    vocabulary = vocabulary_of(dataset)
    train, validation, test = (running(split) for split in (dataset.train, dataset.validation, dataset.test))
    text, possible = written(test, vocabulary), len(vocabulary) - 2  # neither `pad` nor `begin` follows a token
    counted = ngrams(train, validation, test, possible, len(text))
    return counted | text_compressors(written(train, vocabulary), text)


def continued(trained: dl.Trained, dataset: Dataset, tokens: np.ndarray, count: int) -> np.ndarray:
    """`count` new tokens after tokens [batch, time], or fewer where all have ended: [batch, new].

    A model decodes as many tokens as a window has. Then it starts again from the last half a window.
    """
    config, first, end = trained.config, tokens.shape[1], vocabulary_of(dataset).end
    options = {"end": end, "temperature": config.temperature, "top_p": config.top_p}
    while tokens.shape[1] < first + count:
        prompt = tokens[:, -max(1, config.context // 2) :]
        steps = config.context - prompt.shape[1]
        new = trained.folded(tokens.shape[1])(go_on, prompt, steps=steps, **options)
        tokens = np.concatenate([tokens, np.asarray(new)], axis=1)
        if (tokens[:, first:] == end).any(1).all():
            break
    return tokens[:, first : first + count]


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    vocabulary = vocabulary_of(dataset)
    text = read(question, "text")[1] if os.path.isfile(question) else question
    tokens = vocabulary.ids(text)
    if not len(tokens):
        raise UserError('an empty text cannot be gone on with: say --text="The", or a longer text')
    new = continued(trained[FIRST], dataset, tokens[None], ANSWER)[0]
    return text + " " * (vocabulary.level == "word") + vocabulary.text(new)


def samples(trained: dl.Trained, dataset: Dataset, names: list[str]) -> str:
    """How models go on with places of the validation text, which end at `|`."""
    text, vocabulary = running(dataset.validation)[1:], vocabulary_of(dataset)
    prompt = min(PROMPT, len(text))
    starts = np.linspace(0, len(text) - prompt, SAMPLES).astype(int)
    prompts = text[starts[:, None] + np.arange(prompt)]
    parts = []
    for name in names:
        new = continued(trained[name], dataset, prompts, 4 * PROMPT)
        both = (f"{vocabulary.text(old)}|{vocabulary.text(after)}" for old, after in zip(prompts, new, strict=True))
        parts.append("\n\n".join((f"— {ROWS.get(name, name)} —", *both)))
    return "\n\n".join(parts)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return text_image(samples(trained, dataset, [FIRST]), COLUMNS)


def figures(report: dl.Report) -> dict[str, Any]:
    found: dict[str, tuple[float, float | None]] = dict(report.spread("bits_per_character", ours=ROWS[FIRST]))
    for row, one in report.rows.items():
        if row not in report.replicas[0]:
            found[row] = one.metrics["bits_per_character"], None
    places = {
        name: (1 + np.arange(len(one.arrays["by_place"])), one.arrays["by_place"])
        for name, one in report.beside(ROWS[FIRST]).items()
    }
    return {
        "bits_per_character": lambda: bars(found, "bits per character of test"),
        "context": lambda: curves(places, "tokens before", "bits per token", log_x=True),
        "samples": lambda: text_image(samples(report.trained, report.dataset, list(report.config.kinds)), COLUMNS),
    }


def claims(config: Config) -> list[dl.Claim]:
    baselines = ("n-grams, Kneser–Ney", "xz -9e", "zstd -19")
    found = [
        dl.Claim(f"the LSTM needs fewer bits than {row}", dl.OURS, row, "-bits_per_character") for row in baselines
    ]
    return found + [
        dl.Claim(f"the LSTM needs fewer bits than the {kind}", dl.OURS, ROWS.get(kind, kind), "-bits_per_character")
        for kind in ("rnn", "window", "transformer")
        if kind in config.kinds
    ]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    vocabulary = vocabulary_of(dataset)
    count = dataset.fact("tokens of the training text", lambda: len(running(dataset.train)))
    if count < config.context + 1:
        raise UserError(f"{dataset.name} has {count} tokens to train on: choose a --context below that")
    sizes = Sizes(config.depth, config.heads, config.context, config.dropout)
    windows = RunningWindows(dataset.train, config.context + 1)
    rivals, check = {}, partial(validate, context=config.context)
    for name in dl.named("kinds", config.kinds, KINDS, FIRST):
        model = sized(config.parameters, name, len(vocabulary), sizes)
        chain = config.chain(learning_rate=SLOWER.get(name, 1) * config.learning_rate)
        stage = dl.Stage([dl.Turn(predict)], chain, config.steps, ema=0.995, data=windows)
        facts = {"parameters": parameter_count(model)}
        rivals[name] = dl.Rival(model, [stage], evaluate, check, facts, row=ROWS.get(name, name))
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        answer=answer,
        claims=claims(config),
    )


if __name__ == "__main__":
    dl.launch(Config, build)

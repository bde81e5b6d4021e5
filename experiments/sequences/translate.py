"""Translation: an encoder–decoder with one fixed context, with attention, and a transformer, side by side.

    python -m experiments.sequences.translate --replicas=5
    python -m experiments.sequences.translate --dataset=translation/names --steps=1500 --replicas=5
    python -m experiments.sequences.translate --dataset=pairs:FILE@word --rivals=transformer
    python -m deeplearn.runs ask --run=runs/sequences.translate --text="Thursday, November 26, 2026"

From English dates or names to Japanese ones, character by character. `bahdanau`: additive attention (Bahdanau et
al. 2015); `luong`: multiplicative attention (Luong et al. 2015); `fixed`: one vector for the whole source (Cho et
al. 2014); `transformer` (Vaswani et al. 2017). All minimise the cross-entropy of the target's tokens, each told
those before it, and are then asked for whole translations.

Measured: `exact_match`, and that of each part of the test split, such as texts of three dates; chrF and BLEU. Of
dates test has texts that are longer than all of train; of names it has people whose person and skin tone train has
in other combinations only: together they are `exact_held_out`. Baselines: a dictionary learnt by IBM model 1, word
by word, and the most similar pair of train; what they leave open is chosen by chrF on validation.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.translators import translators
from deeplearn.data import Dataset
from deeplearn.data.question import asked
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import curves, heat_map
from deeplearn.figures.translation import attention_map, text_table
from deeplearn.losses.classification import token_cross_entropy
from deeplearn.measured import Measured
from deeplearn.metrics.text import by_length, exact, exact_by_part, text_agreement
from deeplearn.models.translation import RecurrentTranslator, Transformer, translate

RIVALS = {
    "bahdanau": "Bahdanau's attention",
    "luong": "Luong's attention",
    "fixed": "fixed context",
    "transformer": "transformer",
}
SHOWN, LONGEST_SHOWN = 6, 70  # texts in a table, tokens of a source in a map


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "translation/dates"
    steps: int = 600
    batch_size: int = 32
    learning_rate: float = 5e-3
    clip: float = 1.0
    rivals: tuple[str, ...] = dl.flag(
        tuple(RIVALS), "translators; the first is the one that answers", choices=tuple(RIVALS)
    )
    features: int = dl.flag(32, "recurrent nets: length of an embedded token", min=1)
    hidden: int = dl.flag(64, "recurrent nets: units of a layer", min=1)
    aligned: int = dl.flag(32, "Bahdanau's attention: units of its hidden layer", min=1)
    width: int = dl.flag(64, "transformer: features of a position, an even multiple of its heads", min=2)
    depth: int = dl.flag(2, "transformer: blocks of the encoder, and of the decoder", min=1)
    heads: int = dl.flag(4, "transformer: heads of each attention", min=1)
    dropout: float = dl.flag(0.0, "fraction dropped of embeddings and of what the layers give", min=0, max=0.95)
    beams: int = dl.flag(1, "beams of the search for a translation (1: greedy)", min=1)

    # RNNsearch of Bahdanau et al. 2015, appendices A.2.3 and B.2; base transformer of Vaswani et al. 2017, table 3.
    PAPER = {
        "features": 620,
        "hidden": 1000,
        "aligned": 1000,
        "width": 512,
        "depth": 6,
        "heads": 8,
        "dropout": 0.1,
        "batch_size": 80,
        "beams": 4,
        "steps": 100_000,
        "learning_rate": 7e-4,
        "schedule": "warmup_cosine",
    }
    TINY = {"features": 4, "hidden": 4, "aligned": 4, "width": 8, "depth": 1, "heads": 2, "beams": 2}


def vocabulary_of(dataset: Dataset) -> Vocabulary:
    if dataset.vocabulary is None or not {"source", "target"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} has no pairs of texts: choose translation/dates, translation/names or "
            "pairs:FILE"
        )
    return dataset.vocabulary


def predict(model: Any, batch: dl.Batch, train: bool = False) -> dl.Losses:
    """Cross-entropy of each token of the target after `begin`, given those before it."""
    target, lengths = batch["target"], batch["target_length"]
    logits = model(batch["source"], batch["source_length"], target[:, :-1], train)
    return token_cross_entropy(logits, target[:, 1:], lengths - 1)


def validate(model: Any, batch: dl.Batch) -> dl.Metrics:
    loss, metrics = predict(model, batch)
    return {"loss": loss, **metrics}


def written(model: Any, batch: dl.Batch, **options: Any) -> jax.Array:
    return translate(model, batch["source"], batch["source_length"], **options)


def attention(model: Any, source: jax.Array, lengths: jax.Array, target: jax.Array) -> jax.Array:
    return model.attention(source, lengths, target)


def tokens(trained: dl.Trained, dataset: Dataset, source: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """What it writes, int32 [batch, steps], as long as the longest target at most."""
    words, steps = vocabulary_of(dataset), dataset.train.spec["target"].shape[0] - 1
    options = {"steps": steps, "begin": words.begin, "end": words.end, "beams": trained.config.beams}
    return trained.over(written, {"source": source, "source_length": lengths}, **options)


def measured(dataset: Dataset, found: list[str]) -> Measured:
    """Of the translations of the test split. Spaces that the tokens do not keep do not count."""
    test, words = dataset.test.arrays(), vocabulary_of(dataset)
    found, wanted = (
        [words.join(words.cut(text)) for text in texts] for texts in (found, test["target_text"].tolist())
    )
    right = exact(found, wanted)
    metrics = {**text_agreement(found, wanted), **exact_by_part(right, test.get("part"), dataset.about)}
    return Measured(metrics, {"right": right, "found": found})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    ids = tokens(trained, dataset, test["source"], test["source_length"])
    row = measured(dataset, [vocabulary_of(dataset).text(one) for one in ids])
    return dl.ours(row.metrics, **row.arrays, ids=ids)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return translators(dataset, partial(measured, dataset))


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """The first rival's translation of a text, or of each line of a file."""
    vocabulary, first, found = vocabulary_of(dataset), trained[trained.config.rivals[0]], []
    for text in asked(question):
        ids = vocabulary.ids(text.strip())
        if not np.any(ids != vocabulary.unknown):
            raise UserError(f"the training data have no {vocabulary.level} of {text!r}: it cannot be translated")
        found += list(tokens(first, dataset, ids[None], np.array([len(ids)], np.int32)))
    return "\n".join(map(vocabulary.text, found))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """Some texts of validation, and what each rival makes of them."""
    some = dataset.validation.arrays(SHOWN)
    found = {name: tokens(trained[name], dataset, some["source"], some["source_length"]) for name in trained.rivals}
    texts = {name: [vocabulary_of(dataset).text(one) for one in ids] for name, ids in found.items()}
    return text_table({"source": list(some["source_text"]), "target": list(some["target_text"]), **texts})


def attended(report: dl.Report, rows: dict[str, Measured]) -> Any:
    """Of the longest source that there is room for, and ours is right about: where each attention was."""
    test, vocabulary = report.dataset.test.arrays(), vocabulary_of(report.dataset)
    lengths, right = test["source_length"], report.ours.arrays["right"]
    one = int(np.where(lengths <= LONGEST_SHOWN, lengths + LONGEST_SHOWN * right, 0).argmax())
    length, maps = test["source_length"][one : one + 1], []
    source = test["source"][one, : min(int(length[0]), LONGEST_SHOWN)]
    for name in report.config.rivals:
        if name != "fixed":
            ids = rows[RIVALS[name]].arrays["ids"][one]
            ids = ids[: np.append(np.flatnonzero(ids == vocabulary.end), len(ids) - 1)[0] + 1]
            given = np.concatenate([[vocabulary.begin], ids[:-1]]).astype(np.int32)
            weights = report.trained[name](attention, source[None], length.clip(max=len(source)), given[None])
            read, made = ([vocabulary.tokens[number] for number in each] for each in (source, ids))
            maps.append(attention_map(np.asarray(weights)[0], read, made, RIVALS[name]))
    return panels(maps, columns=1)


def figures(report: dl.Report) -> dict[str, Any]:
    test = report.dataset.test.arrays()
    rows = {RIVALS[report.config.rivals[0]] if name == dl.OURS else name: row for name, row in report.rows.items()}
    lengths = {name: by_length(test["source_length"], row.arrays["right"]) for name, row in rows.items()}
    parts = [metric for metric in report.ours.metrics if metric not in ("exact_match", "chrf", "bleu")]
    titles = [part.removeprefix("exact_").replace("_", " ") for part in parts]
    table = np.array([[row.metrics[part] for part in parts] for row in rows.values()])
    wrong = np.argsort(report.ours.arrays["right"], kind="stable")[:SHOWN]  # and right ones, where few are wrong
    texts = {side: list(test[f"{side}_text"][wrong]) for side in ("source", "target")}
    texts |= {name: [row.arrays["found"][one] for one in wrong] for name, row in rows.items()}
    drawn: dict[str, Any] = {
        "accuracy_by_length": lambda: curves(
            lengths, f"{vocabulary_of(report.dataset).level}s of the source", "exact match"
        ),
        "mistakes": lambda: text_table(texts),
    }
    drawn |= {"exact_by_part": lambda: heat_map(table, list(rows), titles, title="Exact match")} if parts else {}
    return drawn | ({"attention": partial(attended, report, rows)} if set(report.config.rivals) - {"fixed"} else {})


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if config.width % (2 * config.heads):
        raise UserError(f"--width={config.width} should be a multiple of twice --heads={config.heads}")
    first = config.rivals[0] if config.rivals else "bahdanau"
    count, longest = len(vocabulary_of(dataset)), dataset.train.spec["target"].shape[0]
    sizes = (config.width, 4 * config.width, config.depth, config.heads, longest)
    recurrent = (config.features, config.hidden, config.aligned)
    rivals = {}
    for name in dl.named("rivals", config.rivals, tuple(RIVALS), first):
        if name == "transformer":
            model: Any = Transformer(count, *sizes, config.dropout)
        else:
            model = RecurrentTranslator(name, count, *recurrent, config.dropout)
        stage = dl.Stage([dl.Turn(partial(predict, train=True))], config.chain(), config.steps, ema=0.99)
        rivals[name] = dl.Rival(model, [stage], evaluate, validate, row=RIVALS[name])
    than = {"nearest pair": "the most similar pair of train"}
    than |= {RIVALS["fixed"]: "one fixed context"} if "fixed" in config.rivals[1:] else {}
    return dl.side_by_side(
        rivals,
        data=dataset,
        best=f"-{first}/loss",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        answer=answer,
        claims=[
            dl.Claim(f"{RIVALS[first]} is right more often than {what}", dl.OURS, row, "exact_match")
            for row, what in than.items()
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)

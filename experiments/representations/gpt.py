"""GPT-2: an encoder that predicts the next token, and what its vectors know about sentences.

    python -m experiments.representations.gpt --replicas=5
    python -m experiments.representations.gpt --dataset=sentences/python_docs
    python -m experiments.representations.gpt --dataset=sts:FILE
    python -m deeplearn.runs ask --run=runs/representations.gpt --text="the doctor helped"

Radford et al. 2019, section 2: the cross-entropy of each token given those before it. The sentences' closeness is
not looked at in training.

Then a sentence's vector is the hidden state of the first token (the same for all: it has seen nothing), of the
last, or the mean of all: each is a row, and ours is the one that is best on validation. What is measured is what
`representations.bert` measures, by the same evaluation; `perplexity` and `bits_per_token` are of next tokens, the
end of a sentence among them. Baselines: TF-IDF, latent semantic analysis, averaged word vectors, SIF, the encoder
untrained; of next tokens unigrams, and n-grams with modified Kneser–Ney smoothing whose order is chosen on
validation (they read on from sentence to sentence, GPT-2 begins anew with each). `ask` goes on with a text and
tells the training sentences that are nearest to it.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.ngrams import ngrams_by_token
from deeplearn.data import Dataset
from deeplearn.data.question import asked
from deeplearn.data.running import running
from deeplearn.figures.text import text_image
from deeplearn.losses.classification import token_cross_entropy
from deeplearn.models.gpt2 import Gpt2
from deeplearn.models.language import go_on
from deeplearn.sentences.asked import checked, nearest
from deeplearn.sentences.config import SentenceConfig, vocabulary_of
from deeplearn.sentences.evaluation import evaluate_vectors, per_token, vector_baselines, vector_claims
from deeplearn.sentences.report import vector_figures
from deeplearn.sentences.vectors import enclosed

SAMPLES = 12  # sentences of a sheet


@dataclasses.dataclass(frozen=True)
class Config(SentenceConfig):
    steps: int = 1500
    temperature: float = dl.flag(0.7, "of samples; 0: always the most probable token", min=0)
    top_p: float = dl.flag(0.95, "samples are of the most probable tokens that have this probability", min=0, max=1)

    # GPT-2 small, table 2 and section 2.3, at the rate of Radford et al. 2018; the vocabulary is the data set's.
    PAPER = {
        **{"width": 768, "layers": 12, "heads": 12, "longest": 1022, "batch_size": 512, "steps": 100_000},
        **{"learning_rate": 2.5e-4, "dropout": 0.1},
    }
    TINY = {"width": 8, "layers": 1, "heads": 2}


def next_token(gpt: Gpt2, batch: dl.Batch, longest: int, train: bool = False) -> dl.Losses:
    """Cross-entropy of each token after `begin`, given those before it."""
    tokens, lengths = enclosed(batch, longest)
    logits = gpt.logits(gpt(tokens[:, :-1], lengths - 1, train=train))
    return token_cross_entropy(logits, tokens[:, 1:], lengths - 1)


def validate(gpt: Gpt2, batch: dl.Batch, longest: int) -> dl.Metrics:
    loss, metrics = next_token(gpt, batch, longest)
    return {"loss": loss, **metrics}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = evaluate_vectors(trained, dataset)
    language = trained.mean(partial(validate, longest=trained.config.longest), dataset.test.arrays())
    return {**rows, **dl.ours({**rows[dl.OURS].metrics, **per_token(language)}, **rows[dl.OURS].arrays)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    texts = [running(split) for split in (dataset.train, dataset.validation, dataset.test)]
    possible = len(vocabulary_of(trained.config, dataset)) - 2  # neither `pad` nor `begin` follows a token
    return {**vector_baselines(trained, dataset), **ngrams_by_token(texts, possible)}


def figures(report: dl.Report) -> dict[str, Any]:
    return vector_figures(report, "GPT-2")


def logits(gpt: Gpt2, tokens: jax.Array, decode: bool) -> jax.Array:
    return gpt.logits(gpt(tokens, decode=decode))


def continued(trained: dl.Trained, dataset: Dataset, ids: np.ndarray, count: int = 1) -> list[str]:
    """`count` ways to go on with tokens [time]."""
    config, vocabulary = trained.config, vocabulary_of(trained.config, dataset)
    prompt = np.tile(np.array([vocabulary.begin, *ids], np.int32), (count, 1))
    options = {"end": vocabulary.end, "temperature": config.temperature, "top_p": config.top_p}
    new = trained(go_on, prompt, logits=logits, steps=config.longest + 2 - prompt.shape[1], **options)
    return [vocabulary.text(np.asarray(one)) for one in new]


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """A text, or each line of a file, gone on with; and the training sentences that are nearest to it."""
    vocabulary, answers = vocabulary_of(trained.config, dataset), []
    for text in asked(question):
        ids = checked(trained, vocabulary, vocabulary.ids(text), text)
        (new,) = continued(trained, dataset, ids)
        answers += [text + " " * (vocabulary.level == "word") + new, nearest(trained, dataset, ids)]
    return "\n".join(answers)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return text_image("\n".join(continued(trained, dataset, np.zeros(0, np.int32), SAMPLES)), 100)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    count = len(vocabulary_of(config, dataset))
    sizes = (config.width, config.layers, config.heads, 4 * config.width, config.longest + 2)
    turn = dl.Turn(partial(next_token, longest=config.longest, train=True))
    return dl.Experiment(
        model=Gpt2(count, *sizes, dropout=config.dropout),
        stages=[dl.Stage([turn], config.chain(), config.steps, ema=0.995)],
        data=dataset,
        evaluate=evaluate,
        validate=partial(validate, longest=config.longest),
        best="-loss",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        answer=answer,
        claims=[
            *vector_claims(dataset),
            dl.Claim("it needs fewer bits than n-grams", dl.OURS, "n-grams, Kneser–Ney", "-bits_per_token"),
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)

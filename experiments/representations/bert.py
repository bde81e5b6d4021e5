"""BERT: an encoder that fills in hidden tokens, and what its vectors know about sentences.

    python -m experiments.representations.bert --replicas=5
    python -m experiments.representations.bert --dataset=sentences/python_docs
    python -m experiments.representations.bert --dataset=sts:FILE
    python -m deeplearn.runs ask --run=runs/representations.bert --text="the doctor helped the [MASK] at noon"

Devlin et al. 2019, section 3.1, task 1: of the tokens of a sentence 15 % are hidden, drawn anew at each step, and
told from those on both sides of them. There is no next-sentence task, so nothing trains [CLS] to stand for a
sentence. The sentences' closeness is not looked at in training.

Then a sentence's vector is the hidden state of [CLS], of the last token, or the mean of all: each is a row, and
ours is the one that is best on validation. Measured on sentences/world: `spearman`, Spearman's ρ between the cosine
of two sentences and the fraction of their meaning that they share; `trap_their_words`, how often a paraphrase is
nearer than the same words with the roles exchanged (.5 by chance), and `trap_own_words`, nearer than the sentence
itself with its roles exchanged; `probe`, who, what, whom, where and when as a linear classifier reads them. On
sentences with a topic: `auroc` and `recall_at_1` of having the same topic, of topics held out. `perplexity` and
`bits_per_token` are of hidden tokens, the tenth that is shown as it is among them. Baselines: TF-IDF, latent
semantic analysis, averaged word vectors, SIF, the encoder untrained; of hidden tokens unigrams. `ask` fills in
[MASK], or tells the training sentences that are nearest to a text without.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.ngrams import ngrams_by_token
from deeplearn.data import Dataset
from deeplearn.data.question import asked
from deeplearn.data.running import running
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.losses.classification import counted_cross_entropy
from deeplearn.losses.language import masked
from deeplearn.models.bert import Bert
from deeplearn.sentences.asked import checked, nearest
from deeplearn.sentences.config import SentenceConfig, vocabulary_of
from deeplearn.sentences.evaluation import evaluate_vectors, per_token, vector_baselines, vector_claims
from deeplearn.sentences.report import vector_figures
from deeplearn.sentences.vectors import enclosed

MASK = "[MASK]"
FILLED = 5  # tokens that an answer tells for each


@dataclasses.dataclass(frozen=True)
class Config(SentenceConfig):
    masked: float = dl.flag(0.15, "fraction of tokens that are asked for", min=0.01, max=1)

    # BERT-base, section 3 and appendix A.2; the vocabulary is the data set's.
    PAPER = {
        **{"width": 768, "layers": 12, "heads": 12, "longest": 510, "batch_size": 256, "steps": 1_000_000},
        **{"learning_rate": 1e-4, "dropout": 0.1},
    }
    TINY = {"width": 8, "layers": 1, "heads": 2}


def masked_language(bert: Bert, batch: dl.Batch, config: Config, train: bool = False) -> dl.Losses:
    """Cross-entropy of the tokens that are hidden."""
    tokens, lengths = enclosed(batch, config.longest)
    mask = bert.vocabulary - 1  # the last token is [MASK]
    words = tokens >= len(SPECIAL)
    shown, asked_for = masked(
        bert.make_rng("noise"), tokens, words, mask, words=(len(SPECIAL), mask), fraction=config.masked
    )
    logits = bert.logits(bert(shown, lengths, train=train))
    return counted_cross_entropy(logits, tokens, asked_for)


def validate(bert: Bert, batch: dl.Batch, config: Config) -> dl.Metrics:
    loss, metrics = masked_language(bert, batch, config)
    return {"loss": loss, **metrics}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = evaluate_vectors(trained, dataset)
    language = trained.mean(partial(validate, config=trained.config), dataset.test.arrays())
    return {**rows, **dl.ours({**rows[dl.OURS].metrics, **per_token(language)}, **rows[dl.OURS].arrays)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    texts = (running(split) for split in (dataset.train, dataset.validation, dataset.test))
    words = [tokens[tokens >= len(SPECIAL)] for tokens in texts]  # only these are hidden
    count = len(vocabulary_of(trained.config, dataset)) - len(SPECIAL)
    return {**vector_baselines(trained, dataset), "unigrams": ngrams_by_token(words, count)["unigrams"]}


def figures(report: dl.Report) -> dict[str, Any]:
    return vector_figures(report, "BERT")


def probabilities(bert: Bert, tokens: jax.Array) -> jax.Array:
    return jax.nn.softmax(bert.logits(bert(tokens, jnp.array([tokens.shape[1]]))))


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """Of each text: the most probable tokens at each [MASK], or else the nearest sentences."""
    vocabulary, answers, hidden = vocabulary_of(trained.config, dataset), [], trained.model.vocabulary - 1
    for text in asked(question):
        first, *others = (vocabulary.ids(part) for part in text.split(MASK))
        ids = checked(trained, vocabulary, np.concatenate([first, *([hidden, *one] for one in others)]), text)
        if not others:
            answers.append(nearest(trained, dataset, ids))
            continue
        tokens = np.array([vocabulary.begin, *ids, vocabulary.end], np.int32)
        p = np.asarray(trained(probabilities, tokens[None]))[0]
        for place in np.flatnonzero(tokens == hidden):
            best = np.argsort(-p[place, :hidden])[:FILLED]
            answers.append(", ".join(f"{vocabulary.tokens[one]} {p[place, one]:.3f}" for one in best))
    return "\n".join(answers)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    count = len(vocabulary_of(config, dataset)) + 1  # and [MASK]
    sizes = (config.width, config.layers, config.heads, 4 * config.width, config.longest + 2)
    turn = dl.Turn(partial(masked_language, config=config, train=True))
    return dl.Experiment(
        model=Bert(count, *sizes, segments=0, dropout=config.dropout),
        stages=[dl.Stage([turn], config.chain(), config.steps, ema=0.995)],
        data=dataset,
        evaluate=evaluate,
        validate=partial(validate, config=config),
        best="-loss",
        baselines=baselines,
        figures=figures,
        answer=answer,
        claims=[
            *vector_claims(dataset),
            dl.Claim(
                "it needs fewer bits for a hidden token than unigrams", dl.OURS, "unigrams", "-bits_per_token"
            ),
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)

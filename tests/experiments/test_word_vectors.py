"""Pages of word vectors: what they learn on a small corpus, what a user asks of a run, and mistakes."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import load
from deeplearn.errors import UserError
from deeplearn.train.fit import fit
from deeplearn.train.flags import parse
from deeplearn.train.loop import run
from deeplearn.vectors import Vectors, __main__, read
from experiments.representations import fasttext, glove, word2vec

PERSONS = load("persons")


def test_skip_gram_learns_who_is_who():
    config = parse(word2vec.Config, ["--kinds=skipgram"])
    experiment = word2vec.build(config, PERSONS)
    trained = fit(experiment, config)
    assert experiment.evaluate(trained, PERSONS)["ours"].metrics["analogies"] > 0.95
    found = experiment.vectors(trained, PERSONS)
    assert isinstance(found, Vectors) and "king" in found.words and "<pad>" not in found.words


def test_glove_counts_pairs_by_their_distance():
    """Its counts, by loops over the sentences."""
    config = dataclasses.replace(parse(glove.Config, ["--dataset=persons/200", "--features=8"]), min_count=1)
    dataset = load("persons/200")
    pairs = glove.pairs(dataset, config).arrays()
    dense = np.zeros((len(dataset.vocabulary),) * 2)
    dense[pairs["word"], pairs["context"]] = pairs["count"]
    np.testing.assert_allclose(dense, dense.T)
    tokens = dataset.train.arrays()["tokens"]
    one, other = tokens[0, 0], tokens[0, 2]
    expected = sum(
        1 / abs(i - j)
        for row in tokens
        for i, a in enumerate(row)
        for j, b in enumerate(row)
        if (a, b) == (one, other) and 0 < abs(i - j) <= config.window
    )
    assert dense[one, other] == pytest.approx(expected)


def test_words_never_seen_have_vectors_by_fasttext(tmp_path, capsys, monkeypatch):
    directory = tmp_path / "run"
    flags = ["--dataset=persons/200", "--steps=20", "--features=4", "--buckets=100", "--min_count=1"]
    config = parse(fasttext.Config, [*flags, f"--workdir={directory}"])
    monkeypatch.setattr(fasttext, "drawn", lambda report, ours: {})
    run("representations.fasttext", fasttext.build, config)
    capsys.readouterr()
    __main__.main(["neighbours", f"--run={directory}", "king", "kingdom", "--count=3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "king" and lines[4] == "kingdom" and len(lines) == 8
    __main__.main(["export", f"--run={directory}", f"--file={tmp_path}/a.bin"])
    assert read(tmp_path / "a.bin")["kingdom"].shape == (4,)


def test_mistakes_are_one_sentence():
    with pytest.raises(UserError, match="--least=5 is more than --most=4"):
        fasttext.build(parse(fasttext.Config, ["--least=5", "--most=4"]), PERSONS)
    with pytest.raises(UserError, match="is no text cut into words"):
        word2vec.build(parse(word2vec.Config, []), load("adding/10"))
    with pytest.raises(UserError, match="a smaller --min_count"):
        word2vec.build(parse(word2vec.Config, ["--min_count=1000000"]), PERSONS)

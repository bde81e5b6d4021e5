"""The text encoder of a run: its vocabulary's tokens between their ends, and what is no such run."""

import json
import types

import numpy as np
import pytest

from deeplearn.data.vocabulary import Vocabulary
from deeplearn.embed import TextEncoder, of_run
from deeplearn.errors import UserError
from tests.weights.text_encoders import CLOSE, FOLDERS, golden, states

VOCABULARY = Vocabulary.words(["a cat and a dog on the mat"])


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of the golden GPT-2, of which an opened run's model, weights and description are read."""
    (tmp_path / "config.json").write_text(json.dumps({"experiment": "representations.gpt", "config": {}}))
    module, variables, _ = golden("gpt2")
    found = types.SimpleNamespace(
        model=module,
        weights=variables,
        described=types.SimpleNamespace(vocabulary=VOCABULARY),
        name="representations.gpt",
    )
    monkeypatch.setattr(of_run.runs, "open", lambda path: found)
    return tmp_path, found


def test_a_run_s_states_are_of_its_own_tokens_between_their_ends(run):
    encoder = TextEncoder.open(run[0])
    found, lengths = encoder.states(["a cat", "on the zebra"])
    ids = np.zeros((4, 24), np.int32)
    for row, words in enumerate([["a", "cat"], ["on", "the", "zebra"]]):
        ids[row, : len(words) + 2] = [VOCABULARY.begin, *VOCABULARY.encode(words), VOCABULARY.end]
    expected = states("gpt2", ids, np.array([4, 5, 1, 1], np.int32))
    assert lengths.tolist() == [4, 5]
    np.testing.assert_allclose(found, expected[:2, :5], atol=CLOSE)
    assert encoder.pool == "mean"


def test_a_long_text_keeps_its_end():
    (found,), cut = of_run.enclosed([np.arange(10, 20)], 5)
    assert (found.tolist(), cut) == ([2, 10, 11, 12, 3], 1)
    assert of_run.enclosed([np.arange(10, 13)], 5)[1] == 0


def test_the_fingerprint_is_of_the_weights(run):
    directory, found = run
    before = of_run.of_run(directory).fingerprint
    assert of_run.of_run(directory).fingerprint == before
    found.weights = {"params": found.weights["params"] | {"x": np.ones(1)}}
    assert of_run.of_run(directory).fingerprint != before


def test_a_run_of_something_else_is_refused(run):
    directory, found = run
    found.described.vocabulary = None
    with pytest.raises(UserError, match=r"is a run of representations.gpt, which has no text encoder"):
        TextEncoder.open(directory)


def test_other_folders_are_no_runs(tmp_path):
    assert of_run.is_run(FOLDERS / "bert") is False
    assert of_run.is_run(tmp_path) is False
    (tmp_path / "config.json").write_text("{")
    assert of_run.is_run(tmp_path) is False

"""A frozen encoder's states: standardised over training tokens, beside the captions, of one width."""

import numpy as np
import pytest

from deeplearn.embed.text_encoder import TextEncoder
from deeplearn.errors import UserError
from deeplearn.text_to_image.frozen_text import FrozenText
from tests.experiments.pretend import pretend
from tests.weights.text_encoders import FOLDERS


@pytest.fixture(scope="module")
def dataset():
    return pretend("openmoji/people-16", 12)


def test_states_are_the_encoder_s_standardised_over_training_tokens(dataset):
    frozen = FrozenText(str(FOLDERS / "minilm"), dataset)
    columns = frozen.beside(dataset.train).arrays()
    states, length = columns["states"], columns["states_length"]
    real = states[np.arange(states.shape[1]) < length[:, None]]
    np.testing.assert_allclose(real.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(real.std(0), 1, atol=1e-3)
    raw, _ = TextEncoder.open(FOLDERS / "minilm").states(dataset.train.arrays()["text"].tolist())
    for feature in (0, 3):  # an increasing line of the raw state, the same for all tokens
        there = raw[np.arange(raw.shape[1]) < length[:, None]][:, feature]
        assert np.corrcoef(there, real[:, feature])[0, 1] > 0.9999
    np.testing.assert_allclose(frozen.sums(columns["text"].tolist())[0], states[0, : length[0]].sum(0), atol=1e-3)


def test_an_encoder_of_another_width_is_refused(dataset, monkeypatch):
    frozen = FrozenText(str(FOLDERS / "minilm"), dataset)
    monkeypatch.setattr(frozen, "_moments", lambda: np.ones((2, 9)))
    with pytest.raises(UserError, match="gives 8 features a token, and this run was trained on 9"):
        frozen.read(["a"])

"""Files of recurrent layers that torch and Keras wrote (tests/golden/recurrent_files.py), and what they give."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.nn.cells import GRUCell, LSTMCell, RNNCell
from deeplearn.nn.recurrent import Recurrent
from deeplearn.weights import load_into

FILES = Path(__file__).parents[1] / "golden" / "recurrent_files"
with np.load(FILES / "outputs.npz") as file:
    OUTPUTS = dict(file)
X, LENGTHS = OUTPUTS["x"], OUTPUTS["lengths"]
CELLS = {"LSTM": partial(LSTMCell, forget_bias=0.0), "GRU": GRUCell, "RNN": RNNCell, "SimpleRNN": RNNCell}
CASES = {
    **{f"torch {kind}": f"torch_{kind}.pth" for kind in ("LSTM", "GRU", "RNN")},
    **{f"keras {kind}": f"keras_{kind}.weights.h5" for kind in ("LSTM", "GRU", "SimpleRNN")},
}


def loaded(net, file, inputs=3):
    variables = jax.eval_shape(net.init, jax.random.key(0), X[..., :inputs], LENGTHS)
    return load_into({"params": {"body": variables["params"]}}, file, net, "body")["params"]["body"]


@pytest.mark.parametrize("case, file", [*CASES.items(), ("keras LSTM", "keras_LSTM.h5")])
def test_the_outputs_are_theirs(case, file):
    net = Recurrent(CELLS[case.split()[1]], 4, layers=2, bidirectional=True)
    outputs, _ = net.apply({"params": loaded(net, FILES / file)}, X, LENGTHS)
    inside = np.arange(X.shape[1])[:, None] < LENGTHS[:, None, None]
    np.testing.assert_allclose(outputs, np.where(inside, OUTPUTS[case], 0), atol=2e-6)


@pytest.mark.parametrize(
    "net, file, sentence",
    [
        (Recurrent(LSTMCell, 4), "torch_LSTM.pth", "has the recurrent layers .* and this network wants"),
        (Recurrent(GRUCell, 4, 2, True), "torch_RNN.pth", "has 4 columns: its cell has not 3 gates"),
        (
            Recurrent(RNNCell, 4, 2, True),
            "keras_LSTM.weights.h5",
            r"shape \[3, 16\], but this network wants \[3, 4\]",
        ),
        (Recurrent(LSTMCell, 5, 2, True), "torch_LSTM.pth", r"shape \[3, 16\], but this network wants \[3, 20\]"),
        (Recurrent(LSTMCell, 4, 2, True, layer_norm=True), "torch_LSTM.pth", "has layer norm between recurrent"),
        (Recurrent(LSTMCell, 4), "../layers.npz", "npz|zip|not"),
    ],
)
def test_files_that_do_not_fit(net, file, sentence):
    with pytest.raises(UserError, match=sentence):
        loaded(net, FILES / file)

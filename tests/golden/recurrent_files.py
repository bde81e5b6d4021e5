"""Files of recurrent layers as torch and Keras write them, and what these give on sequences of unequal lengths.

    python tests/golden/recurrent_files.py

Made with torch 2.13.0 and Keras 3.15.1 on JAX 0.11.1: recurrent_files/ with outputs.npz, for
tests/weights/test_recurrent.py. The weights are random, biases too.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

HERE = Path(__file__).parent / "recurrent_files"
LENGTHS = [4, 6, 1]
rng = np.random.default_rng(0)
x = rng.normal(size=(3, 6, 3)).astype(np.float32)
written = {"x": x, "lengths": np.array(LENGTHS, np.int32)}
HERE.mkdir(exist_ok=True)


class Tagger(torch.nn.Module):
    def __init__(self, kind, **how):
        super().__init__()
        self.body = getattr(torch.nn, kind)(3, 4, batch_first=True, **how)
        self.head = torch.nn.Linear(8, 2)


for kind in ("LSTM", "GRU", "RNN"):
    model = Tagger(kind, num_layers=2, bidirectional=True)
    for weight in model.parameters():
        weight.data = torch.from_numpy(rng.normal(size=weight.shape).astype(np.float32))
    packed = pack_padded_sequence(
        torch.from_numpy(x), torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False
    )
    outputs, _ = pad_packed_sequence(model.body(packed)[0], batch_first=True, total_length=6)
    written[f"torch {kind}"] = outputs.detach().numpy()
    torch.save(model.state_dict(), HERE / f"torch_{kind}.pth")

for kind in ("LSTM", "GRU", "SimpleRNN"):
    layer, both = getattr(keras.layers, kind), keras.layers.Bidirectional
    inside = keras.layers.Masking()
    stack = [both(layer(4, return_sequences=True)) for _ in range(2)]
    model = keras.Sequential([keras.Input((6, 3)), inside, *stack, keras.layers.Dense(2)])
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(size=weight.shape).astype(np.float32))
    masked = np.where(np.arange(6)[:, None] < np.array(LENGTHS)[:, None, None], x, 0)
    outputs = masked
    mask = inside.compute_mask(masked)
    for one in stack:
        outputs = one(outputs, mask=mask)
    written[f"keras {kind}"] = np.asarray(outputs)
    model.save_weights(HERE / f"keras_{kind}.weights.h5")
    if kind == "LSTM":
        model.save(HERE / "keras_LSTM.h5")

np.savez_compressed(HERE / "outputs.npz", **written)

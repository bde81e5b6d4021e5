"""What torch's RNN, LSTM and GRU give, for tests/nn/test_recurrent.py. With torch 2.14.1 it wrote recurrent.npz.

Two layers in both directions over packed sequences of unequal lengths, from states that are not zero; and two LSTMs
with layer normalisation between them. Each case: x, the states before (h0, c0), the weights by torch's names, the
outputs y and the states after (h, c), a cotangent of each of these (gy, gh, gc), and the gradients of everything
that went in ("d" before its name). All [batch, ...] but the states, which are [layers·directions, batch, features].
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BATCH, TIME, INPUTS, FEATURES = 4, 6, 3, 5
LENGTHS = torch.tensor([4, 6, 1, 3])
generator = np.random.default_rng(0)
written: dict[str, np.ndarray] = {"lengths": LENGTHS.numpy().astype(np.int32)}


def normal(*shape: int) -> torch.Tensor:
    return torch.tensor(generator.normal(size=shape).astype(np.float32), requires_grad=True)


def over(network: torch.nn.Module, x: torch.Tensor, states):
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    outputs, states = network(packed, states)
    return pad_packed_sequence(outputs, batch_first=True, total_length=TIME)[0], states


def record(case: str, networks: dict[str, torch.nn.Module], run, states: int, memory: bool) -> None:
    went_in = {"x": normal(BATCH, TIME, INPUTS), "h0": normal(states, BATCH, FEATURES)}
    if memory:
        went_in["c0"] = normal(states, BATCH, FEATURES)
    for prefix, network in networks.items():
        for name, weight in network.named_parameters():
            weight.data = normal(*weight.shape).detach()
            went_in[prefix + name] = weight
    y, after = run(went_in["x"], (went_in["h0"], went_in["c0"]) if memory else went_in["h0"])
    came_out = {"y": y, **dict(zip("hc", after if memory else [after], strict=False))}
    cotangents = {name: normal(*value.shape).detach() for name, value in came_out.items()}
    sum((value * cotangents[name]).sum() for name, value in came_out.items()).backward()
    arrays = {**went_in, **came_out, **{f"g{name}": value for name, value in cotangents.items()}}
    arrays |= {f"d{name}": value.grad for name, value in went_in.items()}
    written.update({f"{case}/{name}": value.detach().numpy() for name, value in arrays.items()})


for case in ("RNN", "LSTM", "GRU"):
    network = getattr(torch.nn, case)(INPUTS, FEATURES, 2, batch_first=True, bidirectional=True)
    record(case, {"": network}, lambda x, states, n=network: over(n, x, states), 4, case == "LSTM")

first, second = (torch.nn.LSTM(size, FEATURES, batch_first=True) for size in (INPUTS, FEATURES))
norm = torch.nn.LayerNorm(FEATURES, eps=1e-6)


def normalised(x, states):
    h0, c0 = states
    x, (h, c) = over(first, x, (h0[:1], c0[:1]))
    x, (h1, c1) = over(second, norm(x), (h0[1:], c0[1:]))
    return x, (torch.cat([h, h1]), torch.cat([c, c1]))


record("norm", {"first.": first, "norm.": norm, "second.": second}, normalised, 2, True)
if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **written)

"""What a gradient costs."""

import itertools

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.metrics import cost
from deeplearn.metrics.cost import gradient_cost, gradient_costs
from deeplearn.nn.batch_norm import BatchNorm


class Deep(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        x = x.reshape(len(x), -1)
        for _ in range(6):
            x = nn.tanh(BatchNorm()(nn.Dense(64, use_bias=False)(x), train))
        return nn.Dense(3)(nn.Dropout(0.5, deterministic=not train)(x))


def test_memory_grows_with_the_batch_like_activations():
    net, image = Deep(), np.ones((256, 4, 4, 1), np.float32)
    variables = jax.jit(net.init)(jax.random.key(0), image)
    label = np.zeros(256, np.int32)
    small, large = (gradient_cost(net, variables, image[:n], label[:n], repeats=1) for n in (64, 256))
    # Six layers of 64 float32 for each image must be kept at least.
    assert large["memory"] >= 6 * 64 * 4 * 256 / 1e6
    assert 2 < large["memory"] / small["memory"] < 8
    assert large["milliseconds"] > 0


def test_each_network_has_a_row():
    nets, image = {"deep": Deep()}, np.ones((4, 2, 2, 1), np.float32)
    given = {name: (net, jax.jit(net.init)(jax.random.key(0), image)) for name, net in nets.items()}
    rows = gradient_costs(given, image, np.zeros(4, np.int32))
    assert list(rows) == ["a gradient of deep"]
    assert set(rows["a gradient of deep"]().metrics) >= {"milliseconds"}


def test_a_gradient_s_time_is_in_milliseconds(monkeypatch):
    """By a clock that moves on by two seconds whenever it is read."""
    monkeypatch.setattr(cost.time, "perf_counter", itertools.count(step=2).__next__)
    net, image = nn.Sequential([lambda x, train=True: x.reshape(len(x), -1)]), np.ones((4, 1, 1, 3), np.float32)
    found = gradient_cost(net, {"params": {}}, image, np.zeros(4, np.int32))
    assert found["milliseconds"] == 2000


@pytest.mark.parametrize(
    ("size", "updates", "expected"), [(1, 400, 1), (1, 100, 4), (30, 400, 400 / 390), (900, 5, 1)]
)
def test_an_epoch_s_time_is_that_of_its_timed_updates_for_all_examples(monkeypatch, size, updates, expected):
    """By a clock that moves on by a second whenever it is read; a batch may be larger than the data."""
    monkeypatch.setattr(cost.time, "perf_counter", itertools.count().__next__)
    columns = {"image": np.ones((400, 16), np.float32), "label": np.zeros(400, np.int32)}
    seen = set()

    class Seeing(nn.Module):
        @nn.compact
        def __call__(self, x):
            seen.add(len(x))
            return nn.Dense(3)(x)

    np.testing.assert_allclose(cost.seconds_an_epoch(Seeing(), columns, size, updates), expected)
    assert seen == {1, min(size, 400)}  # one to make the weights, batches to train

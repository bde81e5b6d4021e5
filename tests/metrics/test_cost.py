"""What a gradient costs."""

import flax.linen as nn
import jax
import numpy as np

from deeplearn.metrics.cost import gradient_cost, gradient_costs, seconds_an_epoch
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


def test_an_epoch_takes_some_time_whatever_its_batches():
    """One example, all of them, and more than there are."""
    columns = {"image": np.ones((40, 4, 4, 1), np.float32), "label": np.zeros(40, np.int32)}
    for size in (1, 40, 100):
        assert 0 < seconds_an_epoch(nn.Dense(3), flat(columns), size) < np.inf


def flat(columns):
    return {**columns, "image": columns["image"].reshape(len(columns["image"]), -1)}


def test_each_network_has_a_row():
    nets, image = {"deep": Deep()}, np.ones((4, 2, 2, 1), np.float32)
    given = {name: (net, jax.jit(net.init)(jax.random.key(0), image)) for name, net in nets.items()}
    rows = gradient_costs(given, image, np.zeros(4, np.int32))
    assert list(rows) == ["a gradient of deep"]
    assert set(rows["a gradient of deep"]().metrics) >= {"milliseconds"}

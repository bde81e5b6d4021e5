"""The deep belief net against the sum over all of its states, and up-down against its rules written by hand."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, logsumexp

from deeplearn.losses.up_down import up_down
from deeplearn.metrics.partition_function import Weights, exact_log_partition
from deeplearn.models.deep_belief_net import DeepBeliefNet, Untying, log_weights, sample, stacked
from deeplearn.models.rbm import RBM
from deeplearn.nn.sigmoid_belief import sampled_pass

SIZES = (4, 3, 2)


def states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)), np.float32)


def machine(visible, hidden, seed):
    rng = np.random.default_rng(seed)
    shapes = {"kernel": (visible, hidden), "visible_bias": (visible,), "hidden_bias": (hidden,)}
    params = {name: jnp.asarray(rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()}
    return RBM(visible, hidden).bind({"params": params})


def net():
    """An untied net: downwards it has other weights than upwards."""
    lower, other, top = machine(4, 3, 0), machine(4, 3, 1), machine(3, 2, 2)
    return DeepBeliefNet([(lower.kernel, lower.hidden_bias)], [(other.kernel.T, other.visible_bias)], top)


def log_z(top):
    return exact_log_partition(Weights(top.kernel, top.visible_bias, top.hidden_bias))


def exact_log_likelihood(net, v):
    """log Σ_h p(v|h) p_top(h), by enumeration."""
    (kernel, bias), h = (np.asarray(a) for a in net.generation[0]), states(3)
    probability = expit(h @ kernel + bias)
    prior = -np.asarray(net.top.free_energy(h)) - log_z(net.top)
    given = (v[:, None] * np.log(probability) + (1 - v[:, None]) * np.log(1 - probability)).sum(-1)
    return logsumexp(given + prior, axis=1)


def test_importance_sampling_finds_the_likelihood_of_each_image():
    v, model = states(4), net()
    draws = jax.vmap(lambda key: log_weights(model, v, key))(jax.random.split(jax.random.key(0), 20_000))
    draws = np.asarray(draws) - log_z(model.top)
    exact = exact_log_likelihood(model, v)
    assert logsumexp(exact) < 1e-4  # probabilities of all images: the sum is 1
    np.testing.assert_allclose(logsumexp(draws, axis=0) - np.log(20_000), exact, atol=0.06)
    assert (draws.mean(0) < exact).all()  # the variational bound


def test_samples_have_the_net_s_mean():
    model = net()
    v = jnp.zeros((20_000, 4))
    mean = np.asarray(sample(model, v, jax.random.key(0), 50)).mean(0)
    expected = np.exp(exact_log_likelihood(model, states(4))) @ states(4)
    np.testing.assert_allclose(mean, expected, atol=0.02)


def test_a_stack_is_tied_and_untying_starts_there():
    lower, top = machine(4, 3, 0), machine(3, 2, 1)
    tied = stacked([lower, top])
    np.testing.assert_array_equal(tied.generation[0][0], tied.recognition[0][0].T)
    np.testing.assert_array_equal(tied.generation[0][1], lower.visible_bias)
    untied, variables = Untying().init_with_output(jax.random.key(0), tied)
    np.testing.assert_array_equal(untied.top.kernel, top.kernel)
    shifted = jax.tree.map(lambda p: p + 1, variables)
    moved = Untying().apply(shifted, tied)
    np.testing.assert_array_equal(moved.generation[0][0], tied.generation[0][0] + 1)
    np.testing.assert_array_equal(moved.recognition[0][0], tied.recognition[0][0] + 1)


def test_up_down_s_gradient_is_its_three_rules():
    """Wake: hᵀ(v − p(v|h)) for the generating layer; sleep: xᵀ(y − q(y|x)) for the recognising one; CD on top."""
    v, key = jnp.asarray(states(4)[[1, 6, 11]]), jax.random.key(5)
    tied = stacked([machine(4, 3, 0), machine(3, 2, 1)])
    shift = jax.tree.map(
        lambda p: 0.3 * jax.random.normal(jax.random.key(p.size), p.shape),
        Untying().init(jax.random.key(0), tied)["params"],
    )
    gradient = jax.grad(lambda p: up_down(Untying().apply({"params": p}, tied), v, key, 2)[0])(shift)

    model = Untying().apply({"params": shift}, tied)
    up, around, down = jax.random.split(key, 3)
    h = sampled_pass(model.recognition, v, up)[-1]
    end = model.top.gibbs(h, around, 2)
    x = sampled_pass(model.generation, end, down)[-1]
    h, end, x = (np.asarray(a) for a in (h, end, x))

    def sigmoid(layer, states):
        return expit(states @ np.asarray(layer[0]) + np.asarray(layer[1]))

    wake = h.T @ (np.asarray(v) - sigmoid(model.generation[0], h)) / 3
    sleep = x.T @ (end - sigmoid(model.recognition[0], x)) / 3
    top = (model.top.kernel, model.top.hidden_bias)
    contrast = (h.T @ sigmoid(top, h) - end.T @ sigmoid(top, end)) / 3
    for name, rule in (("down_kernel_0", wake), ("up_kernel_0", sleep), ("top_kernel", contrast)):
        assert np.abs(rule).max() > 1e-3
        np.testing.assert_allclose(-gradient[name], rule, atol=1e-5)


def test_of_a_deeper_net_all_layers_count():
    """Objective and weights of given states, by NumPy: three machines, so two layers each way."""
    v, key = jnp.asarray(states(4)[[1, 6, 11]]), jax.random.key(5)
    tied = stacked([machine(4, 3, 0), machine(3, 5, 1), machine(5, 2, 2)])
    shift = jax.tree.map(
        lambda p: 0.3 * jax.random.normal(jax.random.key(p.size), p.shape),
        Untying().init(jax.random.key(0), tied)["params"],
    )
    model = Untying().apply({"params": shift}, tied)
    up, around, down = jax.random.split(key, 3)
    awake = sampled_pass(model.recognition, v, up)
    end = model.top.gibbs(awake[-1], around, 2)
    asleep = sampled_pass(model.generation, end, down)

    def nats(layers, states):
        total = 0
        for (kernel, bias), before, after in zip(layers, states[:-1], states[1:], strict=True):
            on = expit(np.asarray(before, np.float64) @ np.asarray(kernel) + np.asarray(bias))
            total = total + np.log(np.where(np.asarray(after) == 1, on, 1 - on)).sum(-1)
        return total

    wake, sleep = -nats(model.generation, awake[::-1]).mean(), -nats(model.recognition, asleep[::-1]).mean()
    energy = [np.asarray(model.top.free_energy(state)) for state in (awake[-1], end)]
    loss, metrics = up_down(model, v, key, 2)
    assert abs(energy[0].mean() - energy[1].mean()) > 1e-3
    np.testing.assert_allclose([metrics["wake"], metrics["sleep"]], [wake, sleep], rtol=1e-5)
    np.testing.assert_allclose(loss, wake + sleep + energy[0].mean() - energy[1].mean(), rtol=1e-5)
    expected = nats(model.generation, awake[::-1]) - energy[0] - nats(model.recognition, awake)
    np.testing.assert_allclose(log_weights(model, v, up), expected, rtol=1e-5)

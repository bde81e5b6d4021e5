"""Parts of the pages on the challenges of games, each beside what is known in closed form."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.players import PointGAN
from deeplearn.models.mixture_prior import GaussianPrior
from experiments.adversarial import challenges, sensitivity, vanishing_generator

from .pretend import pretend

POINTS = {"point": jnp.asarray(np.random.default_rng(0).normal(size=(4, 2)), jnp.float32), "step": 0}


class Layer(nn.Module):
    outputs: int

    @nn.compact
    def __call__(self, x, train=False):
        made = nn.Dense(self.outputs)(x.reshape(len(x), -1))
        return made.squeeze(-1) if self.outputs == 1 else made


@pytest.mark.parametrize("logit", [-6.0, 0.0, 2.0])
def test_gradients_of_a_frozen_generator_saturate_by_the_odds(logit):
    """Where D gives every fake the logit L, the slopes of log(1 − σ(L)) and −log σ(L) are as σ(L) to 1 − σ(L)."""
    critics = [Discriminator(Layer(1)) for _ in range(2)]
    model = vanishing_generator.Frozen(GaussianPrior(3), Layer(2), *critics)

    def init(model):
        return model.fresh(model.sample(4))

    variables = jax.tree.map(np.array, dict(model.init(jax.random.key(0), method=init)))
    dense = variables["params"]["fresh"]["network"]["Dense_0"]
    dense["kernel"], dense["bias"] = 1e-3 * np.ones_like(dense["kernel"]), np.array([logit], np.float32)
    rngs = {"noise": jax.random.key(1)}
    saturating, other = model.apply(variables, method=lambda m: vanishing_generator.norms(m, 4), rngs=rngs)
    assert float(saturating / other) == pytest.approx(np.exp(logit), rel=0.05)


def test_games_of_a_population_are_those_of_their_own_weights():
    def make():
        return PointGAN(GaussianPrior(3), Layer(2), Discriminator(Layer(1)), 2.0)

    def judged(game, batch):
        return game.discriminator(game.real(batch))

    games = sensitivity.Games(make, 3)
    variables = games.init(jax.random.key(0), POINTS, method=lambda m, batch: m.each(judged, batch))
    found = games.apply(variables, POINTS, method=lambda m, batch: m.each(judged, batch))
    for number in range(3):
        own = jax.tree.map(lambda leaf, number=number: leaf[number], variables["params"]["game"])
        alone = make().apply({"params": own}, POINTS, method=judged)
        np.testing.assert_allclose(found[number], alone, rtol=1e-6)
    assert not np.allclose(found[0], found[1])


def test_each_cell_has_its_own_rate():
    """Adam's first step is the rate against the gradient's sign; with β₁ the second of a turned gradient is not."""
    config = sensitivity.Config(steps=4)
    rate, beta = np.array([0.1, 0.01, 0.1]), np.array([0.0, 0.0, 0.9])
    chain = sensitivity.stage_of(config, rate, beta).optimizers["game/generator"]
    params = {"w": jnp.zeros((3, 1))}
    updates, state = chain.update({"w": jnp.ones((3, 1))}, chain.init(params), params)
    np.testing.assert_allclose(updates["w"][:, 0], -rate, rtol=1e-5)
    updates, _ = chain.update({"w": -jnp.ones((3, 1))}, state, params)
    np.testing.assert_allclose(updates["w"][:2, 0], rate[:2], rtol=1e-3)
    assert abs(updates["w"][2, 0]) < 0.02


def test_methods_differ_in_what_their_names_say():
    config = dataclasses.replace(challenges.Config(), batch_size=8, hidden=(4,))
    experiment = challenges.build(config, pretend("mixture/grid"))
    systems = experiment.model.systems
    packing = {name: system.module.discriminator.packing for name, system in systems.items() if name != "diffusion"}
    assert packing == dict.fromkeys(packing, 1) | {"packed_2": 2, "packed_3": 3, "annealed": 2}
    turns = {turn.name: turn for stage in experiment.stages for turn in stage.turns}
    assert turns["unrolled/generate_unrolled"].loss.keywords["steps"] == 5
    assert turns["wgan_gp/discriminate"].times == 5 and turns["r1/discriminate"].loss.keywords["r1"] > 0
    sizes = {stage.name: stage.batch_size for stage in experiment.stages}
    assert sizes["packed_3"] == 9 and sizes["annealed"] == 8
    assert {stage.steps for stage in experiment.stages} == {config.steps}

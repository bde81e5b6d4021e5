"""The state of play by pairs, penalties by the slopes of a discriminator that is known."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.players import PointGAN
from deeplearn.adversarial.turns import discriminate, flatten, generate, state_of_play
from deeplearn.errors import UserError
from deeplearn.losses.adversarial import GAMES
from deeplearn.models.mixture_prior import GaussianPrior


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(1)(x).squeeze(-1)


class Maker(nn.Module):
    @nn.compact
    def __call__(self, z, train=False):
        return nn.Dense(2)(z)


POINTS = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
KERNEL = np.array([[3.0], [4.0]], np.float32)


def played(loss, packing=1, kernel=KERNEL, **options):
    """(loss, metrics) with the discriminator D(x) = 3 x₁ + 4 x₂ + ½ (of each point of a pack)."""
    model = PointGAN(GaussianPrior(3), Maker(), Discriminator(Linear(), packing), scale=2.0)

    def init(model, batch):
        return discriminate(model, batch), generate(model, batch)

    batch = {"point": jnp.asarray(POINTS), "step": 50}
    variables = jax.tree.map(np.array, dict(model.init(jax.random.key(0), batch, method=init)))
    dense = variables["params"]["discriminator"]["network"]["Dense_0"]
    dense["kernel"], dense["bias"] = np.tile(kernel, (packing, 1)), np.array([0.5], np.float32)
    rngs = {"noise": jax.random.key(1)}
    return model.apply(variables, batch, method=lambda m, b: loss(m, b, **options), rngs=rngs)


def test_penalties_are_those_of_a_linear_discriminator():
    """Its slope is (3, 4) everywhere, of norm 5; of a pack of two, of norm 5 √2."""
    plain, _ = played(discriminate)
    loss, metrics = played(discriminate, penalty=0.5)
    assert float(metrics["penalty"]) == pytest.approx(16, rel=1e-4)
    assert float(loss - plain) == pytest.approx(8, rel=1e-3)
    # A weight is that of the game, not of its penalties.
    assert float(played(discriminate, penalty=0.5, weight=0.25)[0]) == pytest.approx(float(plain) / 4 + 8, rel=1e-3)
    loss, metrics = played(discriminate, r1=0.5)
    assert float(metrics["r1"]) == pytest.approx(25, rel=1e-5)
    assert float(loss - plain) == pytest.approx(6.25, rel=1e-3)
    assert float(played(flatten, r1=0.5)[0]) == pytest.approx(6.25, rel=1e-5)
    assert float(played(flatten, packing=2, r1=0.5)[0]) == pytest.approx(12.5, rel=1e-5)


@pytest.mark.parametrize("game", GAMES)
def test_both_play_the_game_that_is_named(game):
    """A discriminator of slope 0 gives ½ to every point."""
    half = jnp.full(6, 0.5)
    kernel = np.zeros((2, 1), np.float32)
    assert float(played(discriminate, kernel=kernel, game=game)[0]) == pytest.approx(
        float(GAMES[game].discriminator(half, half)), abs=1e-6
    )
    assert float(played(generate, kernel=kernel, game=game)[0]) == pytest.approx(
        float(GAMES[game].generator(half)), abs=1e-6
    )


def test_the_state_of_play_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(5, 3, 3, 2)), 0.01 * rng.normal(size=(4, 3, 3, 2))
    on_real, on_fake = np.array([1.0, 0.2, 0.5, 2.0, -1.0]), np.array([0.0, 0.2, 0.7, -2.0])
    found = state_of_play(*map(jnp.asarray, (real, fake, on_real, on_fake)))
    pairs = [np.sign(r - f) / 2 + 0.5 for r in on_real for f in on_fake]
    assert float(found["won"]) == pytest.approx(np.mean(pairs))
    assert float(found["gap"]) == pytest.approx(on_real.mean() - on_fake.mean())
    assert float(found["spread"]) == pytest.approx(fake.std(0).mean() / real.std(0).mean(), rel=1e-4)


def test_a_lazy_penalty_is_a_turn_of_its_own_that_counts_as_often():
    config = GameConfig(r1=2.0, r1_every=16, steps=320)
    stage = config.stage()
    assert [(turn.name, turn.every) for turn in stage.turns] == [
        ("discriminate", 1),
        ("flatten", 16),
        ("generate", 1),
    ]
    assert stage.turns[0].loss.keywords["r1"] == 0 and stage.turns[1].loss.keywords["r1"] == 32
    assert GameConfig(r1=2.0).stage().turns[0].loss.keywords["r1"] == 2
    more = GameConfig(r1=2.0, r1_every=16, steps=320, discriminator_turns=5).stage()
    assert more.turns[1].loss.keywords["r1"] == 5 * 32


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"augmentation": "blur"}, "--augmentation=blur: choose from"),
        ({"augmentation_target": 0.6}, "adapts one"),
        ({"packing": 3}, "--batch_size=128 should be a multiple of --packing=3"),
    ],
)
def test_switches_that_do_not_fit_are_one_sentence(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        GameConfig(**wrong).discriminator(Linear())


@pytest.mark.parametrize(("more", "left"), [(0, 0.0), (1, 0.5)])
def test_rates_fall_over_all_updates_of_a_network(more, left):
    """Of a rate that falls on a line from 1, after as many updates as there are steps."""
    config = GameConfig(steps=10, schedule="linear", learning_rate=1.0, beta1=0.0, beta2=0.99)
    for chain in config.stage(more=more).optimizers.values():
        weight = jnp.zeros(())
        state = chain.init(weight)
        for _ in range(11):
            update, state = chain.update(jnp.ones(()), state, weight)
        assert float(-update) == pytest.approx(left, abs=1e-4)

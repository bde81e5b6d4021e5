"""Two games of one model are the sum of both; conditions do not hide a collapse; the pool is kept."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.translators import ConditionalTranslator, CycleGAN
from deeplearn.adversarial.turns import discriminate, discriminate_each, flatten, flatten_each

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.uniform(size=(2, 4, 4, 4, 1)).astype(np.float32)


class Mean(nn.Module):
    """A logit that is linear in the picture."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(1)(x.reshape(len(x), -1)).squeeze(-1)


def randomised(variables):
    return jax.tree.map(lambda x: RNG.normal(size=x.shape).astype(np.float32), variables)


@pytest.fixture(scope="module")
def cycle():
    gan = CycleGAN(nn.Dense(1), nn.Dense(1), Discriminator(Mean()), Discriminator(Mean()), (4, 4, 1), pool=6)
    batch = {"source": {"image": SOURCE}, "target": {"image": TARGET}}
    variables = gan.init(jax.random.key(0), batch, method=discriminate_each)
    assert int(variables["pool"]["target_count"]) == 0  # nothing has come while it was initialised
    return gan, {"params": randomised(variables["params"]), "pool": variables["pool"]}, batch


def test_the_loss_of_two_games_is_the_sum_of_each(cycle):
    gan, variables, batch = cycle

    def apply(loss):
        rngs = {"noise": jax.random.key(1)}
        return gan.apply(variables, batch, method=loss, rngs=rngs, mutable=["pool"])

    (total, metrics), updated = apply(lambda m, b: discriminate_each(m, b, r1=0.5, weight=0.5))
    each = {
        side: apply(lambda m, b, side=side: discriminate(m.games()[side], b, r1=0.5, weight=0.5))[0]
        for side in ("target", "source")
    }
    assert float(total) == pytest.approx(sum(float(loss) for loss, _ in each.values()), rel=1e-5)
    for side, (_, own) in each.items():
        for name, value in own.items():
            assert float(metrics[f"{side}/{name}"]) == pytest.approx(float(value), rel=1e-5)
    params = variables["params"]["to_target"]
    np.testing.assert_allclose(updated["pool"]["target"][:4], SOURCE * params["kernel"] + params["bias"], rtol=1e-5)
    assert int(updated["pool"]["target_count"]) == int(updated["pool"]["source_count"]) == 4
    lazy = apply(lambda m, b: flatten_each(m, b, r1=2.0))[0][0]
    kernels = [variables["params"][f"{s}_discriminator"]["network"]["Dense_0"]["kernel"] for s in each]
    assert float(lazy) == pytest.approx(sum(float((kernel**2).sum()) for kernel in kernels), rel=1e-4)
    assert float(lazy) == pytest.approx(
        sum(float(apply(lambda m, b, s=s: flatten(m.games()[s], b, r1=2.0))[0][0]) for s in each), rel=1e-5
    )


def test_a_collapse_is_seen_beside_conditions_that_differ():
    model = ConditionalTranslator(nn.Dense(1, kernel_init=nn.initializers.zeros), Discriminator(Mean()))
    batch = {"source": SOURCE, "target": TARGET}

    def losses(model, batch):
        return discriminate(model, batch)[1], discriminate(model, batch, made=slice(1, None))[1]

    (whole, made), _ = model.init_with_output(jax.random.key(0), batch, method=losses)
    assert float(made["spread"]) == 0 and float(whole["spread"]) > 0.4

"""Discrete codes: what is measured of them, and what cannot be cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.text_to_image.codes import CodeConfig, code, code_stage, codes_used, frozen_codes, perplexity
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer

IMAGES = np.random.default_rng(0).uniform(size=(16, 8, 12, 3)).astype(np.float32)
DATA = Dataset("noise", *[Arrays({"image": IMAGES})] * 3)
SMALL = {"code_width": 8, "code_blocks": 1, "codes": 6, "code_features": 4, "code_batch": 8, "code_steps": 20}


def test_perplexity_is_that_of_the_counts():
    codes = np.array([[0, 0, 1, 2], [0, 1, 1, 5]])
    expected = np.exp(scipy.stats.entropy([3, 3, 1, 0, 0, 1]))
    assert perplexity(jnp.asarray(codes), 6) == pytest.approx(expected, rel=1e-5)
    assert perplexity(jnp.arange(6), 6) == pytest.approx(6, rel=1e-5)


def test_codes_are_used_as_the_level_that_uses_fewer():
    one = code(CodeConfig(**SMALL), DATA)
    assert codes_used(one, np.array([[0, 1, 1, 2, 2, 2]]))["codes_used"] == 0.5
    two = code(CodeConfig(**{**SMALL, "levels": 2, "code_factor": 2}), DATA)
    coarse, fine = np.arange(6)[None], np.zeros((1, 24), int)
    found = codes_used(two, np.concatenate([coarse, fine], 1))
    assert found["codes_used"] == pytest.approx(1 / 6) and found["perplexity"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"code_factor": 5}, "pictures of 8×12 pixels cannot be cut into codes of 5: give another --code_factor$"),
        ({"levels": 2, "code_factor": 8}, "cut into codes of 16: give another --code_factor, or --levels=1"),
        ({"code_width": 12}, "--code_width=12 should be a multiple of 8"),
        ({"parallel": "pmap"}, "would be another on each device: use --parallel=jit"),
        ({"levels": 2, "quantiser": "gumbel"}, "with --levels=2 use --quantiser=ema"),
    ],
)
def test_what_cannot_be_cut_is_said(flags, sentence):
    with pytest.raises(UserError, match=sentence):
        code(CodeConfig(**flags), DATA)


@pytest.mark.parametrize("quantiser", ["ema", "gumbel"])
def test_the_stage_learns_to_reconstruct(quantiser):
    from deeplearn import train as dl

    config = CodeConfig(quantiser=quantiser, **SMALL)
    experiment = dl.Experiment(code(config, DATA), [code_stage(config, DATA)], DATA)
    trainer = Trainer(experiment, config, Layout())
    states, step, losses = trainer.initial(), 0, []
    while step < 20:
        states, metrics, step = trainer.advance(states, step, 20)
        losses.append(trainer.read(step, metrics)[1])
    assert all(np.isfinite(list(one.values())).all() for one in losses)
    assert losses[-1]["mse"] < losses[0]["mse"]


def test_a_frozen_code_stays_as_it_is_where_its_codebook_could_follow():
    model = code(CodeConfig(**SMALL), DATA)
    variables = model.init({"params": jax.random.key(0), "noise": jax.random.key(0)}, IMAGES)
    rngs = {"noise": jax.random.key(1)}
    for method, moves in ((frozen_codes, False), (lambda model, image: model.encode(image), True)):
        _, after = model.apply(variables, IMAGES, method=method, mutable=["codebook"], rngs=rngs)
        same = jax.tree.map(np.array_equal, variables["codebook"], after.get("codebook", variables["codebook"]))
        assert all(jax.tree.leaves(same)) != moves

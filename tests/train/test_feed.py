"""Data of any shape reach the steps: unpaired sources, padded sequences, replicas of both; and after a stop."""

import dataclasses
import shutil

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset, Ragged, Unpaired
from deeplearn.errors import UserError
from deeplearn.train import Config, Experiment, Mean, Stage, Turn, ours
from deeplearn.train.loop import run
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.trainer import Trainer

RNG = np.random.default_rng(0)
SOURCE = Arrays({"x": RNG.normal(size=(40, 3)).astype(np.float32)})
TARGET = Arrays({"y": RNG.normal(size=(24, 5)).astype(np.float32)})
PAIRLESS = Unpaired(source=SOURCE, target=TARGET)
SEQUENCES = [RNG.integers(1, 9, size=length) for length in RNG.integers(1, 17, size=64)]
TEXTS = Arrays({"tokens": Ragged.of(SEQUENCES), "text": np.array([str(s) for s in SEQUENCES])})


class Two(nn.Module):
    def setup(self):
        self.first, self.second = nn.Dense(2), nn.Dense(2)


def match(model, batch):
    a, b = model.first(batch["source"]["x"]), model.second(batch["target"]["y"])
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + 0.1 * (a**2).mean(), {}


class Bag(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        return nn.Dense(1)(nn.Embed(9, 4)(tokens)).squeeze(-1)


def count(model, batch):
    """Each token's own number, a mean over what is no padding."""
    mask = jnp.arange(batch["tokens"].shape[1]) < batch["length"][:, None]
    return Mean.of((model(batch["tokens"]) - batch["tokens"]) ** 2, mask), {"tokens": mask.sum() / len(mask)}


def unpaired(steps=12):
    stage = Stage([Turn(match)], optax.adam(0.05), steps, data=PAIRLESS)
    return Experiment(Two(), [stage], Dataset("toy", SOURCE, SOURCE, SOURCE))


def padded(steps=12):
    return Experiment(Bag(), [Stage([Turn(count)], optax.adam(0.05), steps)], Dataset("toy", TEXTS, TEXTS, TEXTS))


def test_a_batch_that_is_too_large_is_told_by_its_stage():
    """Each stage may have a flag of its own for it."""
    one = Stage([Turn(count)], optax.adam(0.05), 1, "codes")
    other = dataclasses.replace(one, name="prior", batch_size=65)
    experiment = dataclasses.replace(padded(), stages=[one, other])
    with pytest.raises(UserError, match=r"^stage 'prior': a batch of 65 is larger than the split's 64 examples"):
        Trainer(experiment, Config(batch_size=8), Layout())
    with pytest.raises(UserError, match=r"^a batch of 65 is larger"):
        Trainer(dataclasses.replace(experiment, stages=[other]), Config(batch_size=8), Layout())


def after(experiment, layout=None, looped=True, **config):
    trainer = Trainer(experiment, Config(batch_size=8, **config), layout or Layout(), looped=looped)
    states, step = [trainer.layout.place(state) for state in trainer.initial()], 0
    while step < experiment.steps:
        states, metrics, step = trainer.advance(states, step, (step // 3 + 1) * 3)
    return [local(trainer.layout.canonical(s)).params for s in states], trainer.read(step, metrics)[1]


def close(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


# The unpaired loss is a difference of means, which is no mean over rows: its batch stays whole.
@pytest.mark.parametrize(
    ("make", "layout", "how"),
    [
        (unpaired, None, {"looped": False}),
        (unpaired, ("data:4", "jit"), {}),
        (padded, None, {"looped": False}),
        (padded, None, {"accumulate": 2}),
        (padded, ("data:4", "jit"), {}),
        (padded, ("data:4", "pmap"), {}),
    ],
)
def test_they_train_alike_however_they_are_cut(make, layout, how):
    close(after(make()), after(make(), make_layout(*layout) if layout else None, **how))


@pytest.mark.parametrize("make", [unpaired, padded])
@pytest.mark.parametrize("looped", [True, False])
def test_replicas_are_runs_of_their_own_seeds(make, looped):
    together, _ = after(make(), replicas=2, looped=looped)
    for replica in range(2):
        (alone,), _ = after(make(), seed=replica, looped=looped)
        mine = jax.tree.map(lambda x, r=replica: x[r], together[0]) if looped else together[replica]
        close(mine, alone)


def test_padding_costs_few_compilations_and_counts_for_nothing():
    trainer = Trainer(padded(24), Config(batch_size=1), Layout(), looped=False)
    states, step, widths = trainer.initial(), 0, set()
    while step < 24:
        widths.add(trainer.feed.one(0, range(1), step)["tokens"].shape[1])
        states, _, step = trainer.advance(states, step, 24)
    (program,) = trainer.programs.of(0, states[0])
    assert 1 < program.compiled._cache_size() == len(widths) <= 4
    model = trainer.trained(states)[0]
    found = model.mean(lambda bag, batch: {"loss": count(bag, batch)[0]}, TEXTS.arrays(), size=10)["loss"]
    tokens = np.concatenate(SEQUENCES)
    error = (model(Bag.__call__, tokens[None])[0] - tokens) ** 2
    assert found == pytest.approx(float(error.mean()), rel=1e-4)


@pytest.mark.parametrize("make", [unpaired, padded])
def test_a_stopped_run_goes_on_with_the_batches_that_would_have_come(make, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda name, _: make().data)

    def build(config, dataset):
        return dataclasses.replace(make(), evaluate=lambda trained, dataset: ours({"one": 1.0}))

    def config(workdir):
        return Config(workdir=str(workdir), batch_size=8, log_every=1, checkpoint_every=5)

    straight = run("toy", build, config(tmp_path / "straight"))
    shutil.copytree(tmp_path / "straight", tmp_path / "stopped")
    (tmp_path / "stopped" / "results.json").unlink()
    shutil.rmtree(tmp_path / "stopped" / "checkpoints" / "12")
    assert run("toy", build, config(tmp_path / "stopped"))["digest"] == straight["digest"]
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("straight", "stopped")]
    assert logs[0] == logs[1]

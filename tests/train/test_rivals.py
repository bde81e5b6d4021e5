"""Whole systems side by side: each sees its own module, in training, in evaluation and when a stage starts."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.models.mlp import MLP
from deeplearn.train import OURS, Config, Experiment, Rival, Stage, Turn, ours, side_by_side
from deeplearn.train.parallel import Layout, local
from deeplearn.train.state import initialise
from deeplearn.train.trainer import Trainer

WIDTHS = {"narrow": 4, "wide": 16}


def toy_data():
    rng = np.random.default_rng(0)
    split = Arrays(
        {"image": rng.uniform(size=(64, 9)).astype(np.float32), "label": (np.arange(64) % 3).astype(np.int32)}
    )
    return Dataset("toy", split, split, split)


DATA = toy_data()


def classify(model, batch):
    return cross_entropy(model(batch["image"]), batch["label"])


def evaluate(trained, dataset):
    logits = trained(MLP.__call__, dataset.test.arrays()["image"])
    return ours({"width": trained.facts["width"], "logit": float(logits.sum())}, logits=np.asarray(logits))


def stage(loss=classify, name="train", **changes):
    return Stage([Turn(loss)], optax.adam(0.1), **{"steps": 5, "name": name, **changes})


def experiment(names, **declared):
    rivals = {
        name: Rival(MLP((WIDTHS[name],), 3), [stage()], evaluate, classification, {"width": WIDTHS[name]})
        for name in names
    }
    return side_by_side(rivals, data=DATA, **declared)


def stepped(experiment, replicas=1, steps=5, **config):
    trainer = Trainer(experiment, Config(batch_size=8, replicas=replicas, **config), Layout())
    states, step = trainer.initial(), 0
    while step < steps:
        states, metrics, step = trainer.advance(states, step, steps)
        if step in trainer.ends and step < experiment.steps:
            states = trainer.enter(step, states)
    return trainer, states, metrics


def test_metrics_are_filed_under_each_rival_with_one_value_a_replica():
    trainer, _, metrics = stepped(experiment(["narrow", "wide"]), replicas=3)
    values = trainer.read(5, metrics)[1]
    assert {"narrow/accuracy", "wide/loss", "wide/gradient_norm"} <= set(values)
    assert all(each.shape == (3,) for each in values.values())


def test_a_rival_trains_as_it_does_alone():
    """From the same weights on the same batches: the very losses and chains of the lone experiment."""
    trainer, states, _ = stepped(experiment(["wide", "narrow"]))
    alone = Trainer(Experiment(MLP((4,), 3), [stage()], DATA), Config(batch_size=8), Layout())
    weights = local(trainer.initial()[0]).params["narrow"]
    (state,) = alone.initial()
    state = jax.tree.map(jnp.asarray, local(state))
    state = alone._begun(0, [state.replace(params=weights)])[0]
    (after,), _, _ = alone.advance([state], 0, 5)
    for one, beside in zip(
        jax.tree.leaves(local(after).params), jax.tree.leaves(local(states[0]).params["narrow"]), strict=True
    ):
        np.testing.assert_allclose(one, beside, rtol=1e-5, atol=1e-6)


def test_a_declared_evaluation_sees_the_whole_and_names_the_rows():
    def widest(trained, dataset):
        rows = {name: evaluate(trained[name], dataset)[OURS] for name in trained.rivals}
        return {OURS: max(rows.values(), key=lambda row: row.metrics["width"]), **rows}

    trainer, states, _ = stepped(experiment(["narrow", "wide"], evaluate=widest))
    rows = trainer.experiment.evaluate(trainer.trained(states)[0], DATA)
    assert list(rows) == [OURS, "narrow", "wide"]
    assert rows[OURS] is rows["wide"] and rows[OURS].metrics["width"] == WIDTHS["wide"]


def test_each_is_measured_on_its_own_weights_and_facts():
    trainer, states, _ = stepped(experiment(["narrow", "wide"]))
    trained = trainer.trained(states)[0]
    rows = trainer.experiment.evaluate(trained, DATA)
    assert {row: measured.metrics["width"] for row, measured in rows.items()} == {OURS: 4, "wide": 16}
    image = DATA.test.arrays()["image"]
    expected = MLP((16,), 3).apply({"params": trained.variables["params"]["wide"]}, image)
    np.testing.assert_allclose(rows["wide"].arrays["logits"], expected, rtol=1e-5, atol=1e-6)
    assert trained["wide"].facts == {"width": 16} and trained["wide"].config is trained.config
    validated = trainer.validate(states)
    assert set(validated) == {f"{name}/{metric}" for name in WIDTHS for metric in ("loss", "accuracy")}


class Game(nn.Module):
    """Two networks that take turns, and a statistic that one of the losses keeps."""

    def setup(self):
        self.critic, self.generator = nn.Dense(1), nn.Dense(9)
        self.seen = self.variable("counts", "seen", lambda: jnp.zeros(()))

    def __call__(self, x):
        return self.critic(self.generator(x))


def criticise(game, batch):
    if not game.is_initializing():
        game.seen.value += 1
    return game.critic(batch["image"]).mean() - game(batch["image"]).mean(), {}


def generate(game, batch):
    return game(batch["image"]).mean(), {}


def test_a_rival_may_own_several_networks_turns_and_stages():
    game = Rival(
        Game(),
        [
            Stage([Turn(criticise, ("critic",))], optax.sgd(0.1), 3, name="pretrain"),
            Stage(
                [Turn(criticise, ("critic",), times=2), Turn(generate, ("generator",))],
                {"critic": optax.sgd(0.1), "generator": optax.adam(0.1)},
                5,
            ),
        ],
    )
    made = side_by_side({"net": Rival(MLP((4,), 3), [stage()]), "wgan": game}, data=DATA)
    assert [(s.name, s.steps) for s in made.stages] == [("train", 5), ("pretrain", 3)]  # as they first appear
    made = side_by_side({"wgan": game, "net": Rival(MLP((4,), 3), [stage()])}, data=DATA)
    assert [(s.name, [turn.name for turn in s.turns]) for s in made.stages] == [
        ("pretrain", ["wgan"]),
        ("train", ["wgan/criticise", "wgan/generate", "net"]),
    ]
    trainer, states, metrics = stepped(made, steps=8)
    assert {"wgan/criticise/loss", "wgan/generate/update_norm", "net/accuracy"} <= set(trainer.read(8, metrics)[1])
    assert float(local(states[0]).collections["counts"]["wgan"]["seen"]) == 3 + 2 * 5
    assert set(states[0].opt_states) == {"wgan:critic", "wgan:generator", "net"}
    before = local(Trainer(made, Config(batch_size=8), Layout()).initial()[0]).params
    _, pretrained, _ = stepped(made, steps=2)
    after = local(pretrained[0]).params
    np.testing.assert_array_equal(before["wgan"]["generator"]["kernel"], after["wgan"]["generator"]["kernel"])
    assert np.abs(before["wgan"]["critic"]["kernel"] - after["wgan"]["critic"]["kernel"]).max() > 0


def test_where_a_rival_s_stage_starts_is_its_own():
    def zeros(variables):
        assert set(variables["params"]) == {"Dense_0", "Dense_1"}
        return jax.tree.map(np.zeros_like, variables)

    rivals = {
        "narrow": Rival(MLP((4,), 3), [stage(start=zeros)]),
        "wide": Rival(MLP((16,), 3), [stage()]),
    }
    (state,) = Trainer(side_by_side(rivals, data=DATA), Config(batch_size=8), Layout()).initial()
    assert not any(leaf.any() for leaf in jax.tree.leaves(local(state).params["narrow"]))
    assert any(leaf.any() for leaf in jax.tree.leaves(local(state).params["wide"]))


@pytest.mark.parametrize("changes", [{"steps": 6}, {"ema": 0.9}, {"batch_size": 4}])
def test_stages_of_one_name_must_agree(changes):
    rivals = {"one": Rival(MLP((4,), 3), [stage()]), "two": Rival(MLP((4,), 3), [stage(**changes)])}
    with pytest.raises(UserError, match=f"the stage 'train' of two and of one differ in {next(iter(changes))}"):
        side_by_side(rivals, data=DATA)


@pytest.mark.parametrize("replicas", [1, 2])
def test_rivals_are_initialised_apart_as_they_are_together(replicas, monkeypatch):
    """A program for each network, which compiles its own draws only; the values are those of one for all."""
    made, config = experiment(["narrow", "wide"]), Config(batch_size=8, replicas=replicas)
    together = jax.jit(jax.vmap(lambda key: initialise(made, key, [made.data.train.arrays(8)])))
    expected = together(jax.vmap(jax.random.key)(np.arange(replicas)))
    built = []
    monkeypatch.setattr(Layout, "build", lambda *call, real=Layout.build: built.append(real(*call)) or built[-1])
    (state,) = Trainer(made, config, Layout()).initial()
    if replicas == 1:
        expected = jax.tree.map(lambda x: x[0], expected)
    assert jax.tree.structure(state) == jax.tree.structure(expected)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), state, expected)
    assert [set(part.params) for part in built] == [{"narrow"}, {"wide"}]


@pytest.mark.parametrize("steps", [0, 2.5])
def test_a_stage_without_a_whole_number_of_steps_is_refused(steps):
    with pytest.raises(UserError, match="the stage 'train' should have a whole number of steps"):
        stage(steps=steps)


def test_two_rivals_of_one_row_are_refused():
    rivals = {name: Rival(MLP((4,), 3), [stage()], row="the same") for name in ("one", "two", "three")}
    with pytest.raises(UserError, match="share a row"):
        side_by_side(rivals, data=DATA)


def test_two_turns_of_one_name_are_refused():
    with pytest.raises(UserError, match="share a name"):
        Stage([Turn(classify), Turn(classify)], optax.sgd(0.1), 5)

"""What is learned, what is searched, and what starts from a file."""

import dataclasses

import chex
import jax
import numpy as np
import pytest

from deeplearn.data import Arrays
from deeplearn.data.classes import only_classes
from deeplearn.errors import UserError
from deeplearn.models.zoo import backbone
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from deeplearn.weights import Config, Preprocessing, save
from deeplearn.weights.members import abstract_variables
from experiments.representations import image_embeddings as page

from .pretend import pretend

CONFIG = page.Config(batch_size=8, steps=2, **page.Config.TINY)


def test_every_other_class_is_learned():
    stage = page.build(CONFIG, pretend("glyphs")).stages[0]
    assert set(stage.data.arrays()["label"]) == set(range(0, 47, 2))


def test_a_kind_is_what_is_alike_where_data_have_kinds():
    def kinds(split):
        columns = split.arrays()
        return Arrays({**columns, "kind": columns["label"] % 3})

    glyphs = pretend("glyphs")
    splits = {name: kinds(getattr(glyphs, name)) for name in ("train", "validation", "test")}
    dataset = dataclasses.replace(glyphs, **splits, about={"kinds": ("x", "y", "z")})
    assert page.build(CONFIG, dataset).model.classes == 3
    assert page.build(dataclasses.replace(CONFIG, label="label"), dataset).model.classes == 47
    with pytest.raises(UserError, match="glyphs has no column 'font' of named classes"):
        page.build(dataclasses.replace(CONFIG, label="font"), glyphs)


def test_weights_stay_as_they_are_and_the_last_layer_learns(tmp_path):
    net = backbone("resnet8", 2, 1).clone(classes=3)
    rng = np.random.default_rng(0)
    abstract = abstract_variables(net, (28, 28, 3))
    variables = jax.tree.map(lambda x: rng.uniform(0.5, 1, x.shape).astype(np.float32), abstract)
    colours = Preprocessing(28, 28, 28, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    save(tmp_path / "net.safetensors", variables, Config(net, ("a", "b", "c"), colours))
    config = dataclasses.replace(CONFIG, weights=str(tmp_path / "net.safetensors"))
    experiment = page.build(config, pretend("glyphs"))
    assert experiment.model.colours == (colours.mean, colours.std)
    trainer = Trainer(experiment, config, Layout())
    states = trainer.initial()
    begun = np.asarray(states[0].params["head"]["kernel"])
    (state,), _, _ = trainer.advance(states, 0, 2)
    kept = {name: leaf for name, leaf in variables["params"].items() if name != "fc"}
    assert np.abs(np.asarray(state.params["head"]["kernel"]) - begun).max() > 0
    chex.assert_trees_all_equal(jax.tree.map(np.asarray, dict(state.params["body"])), kept)
    statistics = jax.tree.map(np.asarray, dict(state.collections["batch_stats"]["body"]))
    chex.assert_trees_all_equal(statistics, variables["batch_stats"])


def test_one_class_to_learn_is_one_sentence():
    dataset = pretend("digits")
    two = only_classes(dataset, ("0", "1"), dataset.image_shape)
    with pytest.raises(UserError, match="leave one to learn: say --unseen=0"):
        page.build(CONFIG, two)
    page.build(dataclasses.replace(CONFIG, unseen=0), two)

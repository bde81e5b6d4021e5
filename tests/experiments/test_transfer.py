"""What the source may teach, and what the target is."""

import dataclasses
from types import SimpleNamespace

import chex
import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.runs import checkpoint
from deeplearn.train.loop import run
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from deeplearn.weights.source import pretrained
from experiments.representations import transfer

from .pretend import pretend


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name, _: pretend(name))
    return transfer.Config(batch_size=8, **{**transfer.Config.TINY, "labels": (1, 2)})


def test_the_source_has_no_class_of_the_target_and_the_target_s_size(config):
    source, classes = transfer.source_data(config, transfer.target_data(config, pretend("glyphs")))
    assert classes == 37  # glyphs has 47, of which ten are digits
    columns = source.arrays()
    assert columns["image"].shape[1:] == (8, 8, 1)
    assert set(columns["label"]) == set(range(37))
    whole = pretend("glyphs").train.arrays()
    first = int(np.flatnonzero(whole["label"] == 10)[0])
    kept = np.flatnonzero(whole["label"][: first + 1] >= 10).size - 1
    assert columns["label"][kept] == 0
    np.testing.assert_allclose(columns["image"][kept].mean(), whole["image"][first].mean(), atol=0.05)


def test_the_target_is_its_classes_at_the_size_asked_for(config):
    whole, target = pretend("glyphs"), transfer.target_data(config, pretend("glyphs"))
    assert target.classes == tuple("0123456789")
    columns, old = target.train.arrays(), whole.train.arrays()
    assert columns["image"].shape[1:] == (8, 8, 1)
    np.testing.assert_array_equal(columns["label"], old["label"][old["label"] < 10])
    with pytest.raises(UserError, match="glyphs has no class 'x'"):
        transfer.target_data(dataclasses.replace(config, classes=("x",)), whole)


def test_a_source_without_other_classes_is_a_sentence(config):
    with pytest.raises(UserError, match="no class that digits lacks"):
        transfer.source_data(dataclasses.replace(config, source="digits"), pretend("digits"))


def start(config, dataset):
    """The variables with which a run begins."""
    experiment = transfer.build(config, dataset)
    assert [stage.name for stage in experiment.stages] == ["heads", "fine-tuning"]
    (state,) = Trainer(experiment, config, Layout()).initial()
    return experiment.model.systems["tuned"].module, state.params["tuned"]["source"]["body"]


@pytest.mark.slow
def test_a_run_lends_its_network_to_another(config, tmp_path, monkeypatch):
    """--weights is the directory of a run of this experiment, whose network is below the name of its system."""
    first = dataclasses.replace(config, steps=2, workdir=str(tmp_path / "first"))
    run("representations.transfer", transfer.build, first, {"module": transfer.__name__})
    second = dataclasses.replace(config, weights=first.workdir)
    model, body = start(second, pretend("glyphs"))
    saved = checkpoint.read(tmp_path / "first").variables["params"]["tuned"]["source"]["body"]
    chex.assert_trees_all_equal(body, saved)
    assert model.colours == ((0.0,), (1.0,))  # a run sees grey images as they are
    coloured = SimpleNamespace(name="photographs", image_shape=(8, 8, 3))
    with pytest.raises(UserError, match=r"has images of 3 channels, and the network of --weights=.* on 1: give"):
        pretrained(second.weights, second.network, coloured)

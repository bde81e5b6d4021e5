"""What the source may teach, and what the target is."""

import dataclasses

import chex
import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.runs import checkpoint
from deeplearn.train.loop import run
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.representations import transfer
from experiments.representations.transfer import backbone

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


def test_a_run_lends_its_network_to_another(config, tmp_path, monkeypatch):
    """--weights is the directory of a run of this experiment, whose network is below the name of its system."""
    first = dataclasses.replace(config, steps=2, workdir=str(tmp_path / "first"))
    monkeypatch.setattr(data, "load", lambda name, _: pretend(name))
    run("representations.transfer", transfer.build, first)
    monkeypatch.setattr(transfer, "backbone", lambda _: backbone(dataclasses.replace(config, weights="")))
    monkeypatch.setattr(transfer, "IMAGENET", ())
    second = dataclasses.replace(config, weights=first.workdir)
    experiment = transfer.build(second, pretend("glyphs"))
    assert [stage.name for stage in experiment.stages] == ["heads", "fine-tuning"]
    (state,) = Trainer(experiment, second, Layout()).initial()
    saved = checkpoint.read(tmp_path / "first").variables["params"]["tuned"]["source"]["body"]
    chex.assert_trees_all_equal(state.params["tuned"]["source"]["body"], saved)

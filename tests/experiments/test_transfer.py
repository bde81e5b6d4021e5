"""What is copied when the network is unfrozen, and what the source may teach."""

import dataclasses

import numpy as np
import pytest

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.representations import transfer

from .pretend import pretend


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name, _: pretend(name))
    return transfer.Config(batch_size=8, **{**transfer.Config.TINY, "labels": (1, 2)})


def test_the_source_has_no_class_of_the_target_and_the_target_s_size(config):
    source, classes = transfer.source_data(config, pretend("digits"))
    assert classes == 37  # glyphs has 47, of which ten are digits
    columns = source.arrays()
    assert columns["image"].shape[1:] == (8, 8, 1)
    assert set(columns["label"]) == set(range(37))
    whole = pretend("glyphs").train.arrays()
    first = int(np.flatnonzero(whole["label"] == 10)[0])
    kept = np.flatnonzero(whole["label"][: first + 1] >= 10).size - 1
    assert columns["label"][kept] == 0
    np.testing.assert_allclose(columns["image"][kept].mean(), whole["image"][first].mean(), atol=0.05)


def test_a_source_without_other_classes_is_a_sentence(config):
    with pytest.raises(UserError, match="no class that digits lacks"):
        transfer.source_data(dataclasses.replace(config, source="digits"), pretend("digits"))


def test_unfrozen_networks_are_the_source_with_the_heads_that_were_trained_on_it(config):
    trainer = Trainer(transfer.build(config, pretend("digits")), config, Layout())
    state = trainer.initial()[0]
    before = {"params": state.params, **state.collections}
    after = transfer.unfreeze(before, config.labels)
    for count in config.labels:
        tuned = after["params"][f"tuned_{count}"]
        assert tuned["body"] is before["params"]["source"]["body"]
        assert tuned["head"] is before["params"][f"heads_{count}"]
        assert after["batch_stats"][f"tuned_{count}"]["body"] is before["batch_stats"]["source"]["body"]
        assert after["params"][f"scratch_{count}"] == before["params"][f"scratch_{count}"]

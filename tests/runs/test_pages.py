"""Every experiment: its model is built again from the description of its data, or an error says that data are
needed."""

import dataclasses
import importlib
import json

import pytest

from deeplearn import data
from deeplearn.data.described import DataNeeded
from deeplearn.data.description import describe, stand_in
from deeplearn.train.flags import parse
from experiments.__main__ import listing
from tests.experiments.pretend import pretend

# What these train on is made of the rows, and its size is part of the model or of the schedule.
NEED_DATA = {
    "experiments.autoencoders.forecasting",
    "experiments.autoencoders.recommendation",
    "experiments.foundations.regularization",
    "experiments.representations.transfer",
    "experiments.sequences.forecasting",
}


def rebuilt(module, config, dataset):
    """(the experiment on the data, the one on their description as config.json would hold it)."""
    whole = module.build(config, dataset)
    return whole, module.build(config, stand_in(json.loads(json.dumps(describe(dataset)))))


@pytest.mark.parametrize("name", list(listing()))
def test_a_model_is_built_without_its_data(name):
    module = importlib.import_module(name)
    config = dataclasses.replace(parse(module.Config, []), **module.Config.TINY)
    if name in NEED_DATA:
        with pytest.raises(DataNeeded):
            rebuilt(module, config, pretend(config.dataset))
        return
    whole, alone = rebuilt(module, config, pretend(config.dataset))
    assert alone.steps == whole.steps and alone.rivals == whole.rivals and alone.best == whole.best
    assert type(alone.model) is type(whole.model)


def test_what_a_build_asks_of_the_rows_is_kept(data_dir):
    """Detectors of a table's anomalies hold each feature's mean and standard deviation."""
    module = importlib.import_module("experiments.autoencoders.anomaly")
    config = module.Config(dataset="tables/wine", data_dir=str(data_dir))
    whole, alone = rebuilt(module, config, data.load(config.dataset, data_dir))
    assert whole.model == alone.model and hash(whole.model) == hash(alone.model)

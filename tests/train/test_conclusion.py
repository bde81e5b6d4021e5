"""The end of a run: what stands in results.json after each thing that was measured."""

import copy
from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.measured import Measured, ours
from deeplearn.train.alarms import Alarm
from deeplearn.train.conclusion import conclude, left_out_of
from deeplearn.train.config import Config
from deeplearn.train.experiment import Claim, Experiment, Stage, Turn
from deeplearn.train.logs import MetricsLog, Progress
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer

SPLIT = Arrays({"x": np.ones((8, 2), np.float32)})


def loss(model, batch):
    return jnp.square(model(batch["x"])).mean(), {}


def evaluate(trained, dataset):
    return ours({"size": float(jnp.abs(trained.variables["params"]["kernel"]).sum())})


def fails():
    raise UserError("it has no legs")


def concluded(tmp_path, **declared):
    """(what was written, one after another; what is returned) of two untrained replicas."""
    experiment = Experiment(
        nn.Dense(1),
        [Stage([Turn(loss)], optax.sgd(0.1), 1)],
        Dataset("ones", SPLIT, SPLIT, SPLIT),
        **{"evaluate": evaluate, **declared},
    )
    trainer = Trainer(experiment, Config(batch_size=4, replicas=2, steps=1), Layout())
    states = trainer.layout.canonical(trainer.initial()[0])
    written = []
    directory = SimpleNamespace(
        path=tmp_path,
        figures=tmp_path / "figures",
        write_results=lambda found: written.append(copy.deepcopy(found)),
    )
    log, progress = MetricsLog(tmp_path, 0), Progress(1)
    if "alarms" in declared:
        log.warn(1, "train", "step 1: it is too large")
    left_out = left_out_of(progress, directory)
    result = conclude("toy", trainer, [states], log, progress, directory, 0.0, left_out)
    log.close()
    return written, result


def test_each_number_is_written_as_soon_as_it_is_there(tmp_path, capsys):
    written, (results, drawn) = concluded(
        tmp_path,
        baselines=lambda trained, dataset: {"zero": lambda: Measured({"size": 0.0}), "lame": fails},
        claims=[Claim("it is larger than nothing", "ours", "zero", "size")],
    )
    replicas = [len(found["replica_values"].get("ours", {}).get("size", [])) for found in written]
    assert replicas == [1, 2, 2, 2] and drawn == []
    assert ["zero" in found["baselines"] for found in written] == [False, False, True, True]
    assert [found.get("unfinished", "").partition(",")[0] for found in written] == [
        "further seeds",
        "further seeds",
        "further baselines",
        "",
    ]
    assert written[-1] == results and results["seeds"] == [0, 1] and "alarms" not in results
    assert list(results["verdicts"]) == ["it is larger than nothing"] and written[-2]["verdicts"] == {}
    assert results["left_out"] == {"the baseline lame": "it has no legs"}
    assert "lame is left out: it has no legs" in capsys.readouterr().err


def test_alarms_that_were_said_stand_in_the_results(tmp_path):
    _, (results, _) = concluded(tmp_path, alarms=[Alarm("loss", "it is too large", above=1)])
    assert results["alarms"] == ["step 1: it is too large"]


def test_what_cannot_be_measured_leaves_no_figure(tmp_path):
    _, (results, drawn) = concluded(tmp_path, evaluate=lambda *_: fails(), figures=lambda report: pytest.fail())
    assert drawn == [] and results["metrics"] == {}
    assert all(why == "it has no legs" or "no replica" in why for why in results["left_out"].values())

"""Every experiment on odd data ends in results, or in one sentence before it trains: those to come too."""

import dataclasses
import importlib
import json
import warnings

import pytest

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.loop import run

from .odd import ODD
from .pretend import pretend
from .test_every_experiment import NAMES, configured

STEPS = 2  # of each stage
# What a tiny run names that the odd data may not have.
ALL_CLASSES = {"normal": (), "classes": ()}
# Real runs of `make test`: seconds each, one or two of each kind of page and of data.
SOON = (
    ("docs.label_smoothing", "names"),
    ("docs.label_smoothing", "one_class"),
    ("experiments.adversarial.gan", "one_mode"),
    ("experiments.autoencoders.autoencoder", "oblong_of_four_channels"),
    ("experiments.foundations.mlp", "ids"),
)


@dataclasses.dataclass(frozen=True)
class Case:
    """An experiment, its configuration at its tiny size, and how its data are odd; None where they cannot be so."""

    module: object
    config: object
    odd: str

    @classmethod
    def of(cls, name, odd, *flags):
        module = importlib.import_module(name)
        config = configured(module, f"--steps={STEPS}", "--log_every=1", *flags)
        fields = {field.name for field in dataclasses.fields(config)}
        renamed = {key: value for key, value in ALL_CLASSES.items() if key in fields}
        size = 1 if odd.startswith("one_") else 4  # and whole packs, where several are judged together
        config = dataclasses.replace(config, batch_size=size * getattr(config, "packing", 1), **renamed)
        return cls(module, config, odd)

    def load(self, name, _=None):
        return ODD[self.odd](pretend(name))

    def build(self, config, dataset):
        experiment = self.module.build(config, dataset)
        stages = [dataclasses.replace(stage, steps=min(stage.steps, STEPS)) for stage in experiment.stages]
        return dataclasses.replace(experiment, stages=stages)


def one_sentence(error):
    text = str(error)
    assert text and len(text) < 600 and "\n" not in text, text


@pytest.mark.parametrize("name", NAMES)
def test_odd_data_are_declared_or_refused_in_a_sentence(name, monkeypatch):
    for odd in ODD:
        case = Case.of(name, odd)
        monkeypatch.setattr(data, "load", case.load)
        if (dataset := case.load(case.config.dataset)) is not None:
            try:
                case.build(case.config, dataset)
            except UserError as error:
                one_sentence(error)


def ends_well(name, odd, workdir, monkeypatch):
    """Runs a case and looks at how it ended; says where a page refused the data, None where it measured."""
    case = Case.of(name, odd, f"--workdir={workdir}")
    monkeypatch.setattr(data, "load", case.load)
    if case.load(case.config.dataset) is None:
        return "these data cannot be odd in this way"
    with warnings.catch_warnings():
        for kind in (UserWarning, RuntimeWarning):  # what libraries would print
            warnings.simplefilter("error", kind)
        try:
            results = run(name, case.build, case.config)
        except UserError as error:
            one_sentence(error)
            log = workdir / "metrics.jsonl"
            assert not log.exists() or not log.read_text(), f"refused after it had trained: {error}"
            return str(error)
    unexpected = [f"{what}: {why}" for what, why in results["left_out"].items() if "(unexpected" in why]
    assert not unexpected, unexpected
    assert any(metric["mean"] is not None for metric in results["metrics"].values())
    assert json.loads((workdir / "results.json").read_text())["metrics"]
    return None


@pytest.mark.parametrize(
    ("name", "odd"), [pytest.param(*case, marks=pytest.mark.xdist_group(case[0])) for case in SOON]
)
def test_odd_data_end_in_results(name, odd, tmp_path, monkeypatch):
    assert ends_well(name, odd, tmp_path / "run", monkeypatch) is None


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES])
def test_odd_data_end_in_results_or_in_one_sentence_before_training(name, odd, tmp_path, monkeypatch):
    if why := ends_well(name, odd, tmp_path / "run", monkeypatch):
        pytest.skip(why)

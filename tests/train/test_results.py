"""results.json's summaries and the table that a run ends with."""

import dataclasses
import json
import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from deeplearn.errors import UserError
from deeplearn.train import OURS, Claim, Measured, ours
from deeplearn.train.evaluation import LeftOut, measure, tables, verdicts
from deeplearn.train.loop import run
from deeplearn.train.results import report, summary, table

from . import toy


def test_standard_errors_agree_with_scipy():
    draws = np.random.default_rng(0).normal(size=(5, 2))
    found = summary([{"nll": nll, "accuracy": np.array(accuracy)} for nll, accuracy in draws])
    for name, column in zip(("nll", "accuracy"), draws.T, strict=True):
        assert found[name]["mean"] == pytest.approx(column.mean(), rel=1e-6)
        assert found[name]["stderr"] == pytest.approx(scipy.stats.sem(column), rel=1e-6)
    assert all(type(value) is float for metric in found.values() for value in metric.values())


def test_one_replica_has_no_standard_error():
    assert summary([{"nll": 2.5}]) == {"nll": {"mean": 2.5, "stderr": None}}


def test_rivals_get_rows_of_their_own():
    replicas = [
        {OURS: {"nll": 1.0, "accuracy": 0.5}, "plain": {"nll": 3.0, "mse": 0.5}},
        {OURS: {"nll": 2.0, "accuracy": 0.5}, "plain": {"nll": 5.0, "mse": 0.5}},
    ]
    own, rivals = tables(replicas, {})
    assert own == summary([{"nll": 1.0, "accuracy": 0.5}, {"nll": 2.0, "accuracy": 0.5}])
    assert rivals == {"plain": {"nll": {"mean": 4.0, "stderr": 1.0}, "mse": {"mean": 0.5, "stderr": 0.0}}}


def test_the_table_is_aligned():
    found = table(
        {
            "ours": {"nll": {"mean": 12.3456, "stderr": 0.01234}, "modes": {"mean": 9.0, "stderr": None}},
            "a longer name": {"nll": 7.0, "accuracy": 0.98765},
            "published: x": {"modes": 25, "nll": 105.678},
        }
    )
    assert found.splitlines() == [
        "                          nll  modes  accuracy",
        "----------------------------------------------",
        "ours           12.35 ± 0.0123      9",
        "a longer name               7           0.9877",
        "published: x           105.68     25",
    ]


def test_the_report_holds_ours_the_baselines_and_the_published():
    results = {
        "experiment": "autoencoders.vae",
        "dataset": "digits",
        "replicas": 5,
        "metrics": {"nll": {"mean": 16.5, "stderr": 0.25}},
        "baselines": {"mixture": {"nll": 17.75}},
        "published": {"Burda et al. 2015": {"nll": 86.5}},
    }
    lines = report(results).splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "autoencoders.vae on digits, 5 seeds",
        "mixture",
        "published: Burda et al. 2015",
    ]
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "nll",
        "-" * len(lines[1]),
        "16.50 ± 0.2500",
        "17.75",
        "86.50",
    ]
    assert report({**results, "replicas": 1}).splitlines()[2].startswith("autoencoders.vae on digits  ")


def test_what_is_not_finite_has_no_verdict(tmp_path):
    said = []
    left_out = LeftOut(said.append, tmp_path / "errors.log")
    claims = [Claim("more is better", OURS, "other", "score")]
    other = {"other": Measured({"score": np.inf})}
    assert verdicts(claims, [{OURS: {"score": 1.0}}], other, left_out) == {}
    assert verdicts(claims, [], other, left_out) == {}
    assert "score is not finite" in said[0] and "no replica could be measured" in said[1]


def test_each_baseline_figure_and_verdict_stands_alone(tmp_path, capsys):
    """What fails is left out in a sentence, and nothing else is lost."""

    def picture(report):
        assert sorted(report.each(OURS, "loss")) != [report.each(OURS, "loss")[0]] * 3
        assert report.rows["constant"].arrays["line"] == [1, 2] and report.config.replicas == 3
        return Image.new("L", (2, 2))

    def fail(sentence, kind):
        raise kind(sentence)

    def build(config, dataset):
        return dataclasses.replace(
            toy.build(config, dataset),
            baselines=lambda trained, dataset: {
                "constant": lambda: Measured({"loss": 1e3}, {"line": [1, 2]}),
                "impossible": lambda: fail("there are too few images", UserError),
                "broken": lambda: fail("no such thing", KeyError),
                "array": lambda: Measured({"loss": np.float32(0.5), "nll": float("inf")}),
                "bare": lambda: {"loss": 0.5},
                "words": lambda: Measured({"loss": "high"}),
                OURS: lambda: Measured({"loss": 0.5}),
            },
            figures=lambda report: {
                "losses": lambda: picture(report),
                "none": lambda: fail("black", ValueError),
                "no picture": lambda: 3,
                "../name": lambda: Image.new("L", (2, 2)),
            },
            claims=[
                Claim("it learns", OURS, "constant", "-loss"),
                Claim("it cannot be", OURS, "impossible", "loss"),
                Claim("it is misspelt", OURS, "constant", "los"),
            ],
        )

    config = toy.Config(steps=4, replicas=3, batch_size=8, workdir=str(tmp_path))
    found = run("toy", build, config)
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(json.dumps(found))
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["losses.png"]
    infinite = {"mean": None, "stderr": None}
    assert found["baselines"] == {"constant": {"loss": 1e3}, "array": {"loss": 0.5, "nll": infinite}}
    assert set(found["verdicts"]) == {"it learns"} and found["verdicts"]["it learns"].startswith("supported")
    assert found["left_out"]["the baseline impossible"] == "there are too few images"
    assert found["left_out"]["the baseline broken"].startswith("KeyError")
    assert found["left_out"]["the baseline words"].startswith(
        "the metric 'loss' of the row 'words' should be a number"
    )
    assert found["left_out"]["the verdict on 'it is misspelt'"] == "the row 'ours' has no metric 'los'"
    assert set(found["left_out"]) == {
        "the baseline impossible",
        "the baseline broken",
        "the baseline bare",
        "the baseline words",
        "the baseline ours",
        "the figure none",
        "the figure no picture",
        "the figure ../name",
        "the verdict on 'it cannot be'",
        "the verdict on 'it is misspelt'",
    }
    assert "no such thing" in (tmp_path / "errors.log").read_text()
    assert "the figure none is left out: ValueError: black" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [{"loss": 0.5}, 0.5, ours({"loss": [1, 2]}), ours({"loss": "high"})])
def test_an_evaluation_that_gives_no_rows_is_told(rows, tmp_path):
    said = []
    experiment = SimpleNamespace(evaluate=lambda trained, dataset: rows, data=None)
    left_out = LeftOut(said.append, tmp_path / "errors.log")
    assert list(measure(experiment, [None], 0, left_out)) == [None]
    assert re.search(r"should (be a Measured|return \{row: Measured\}|be a number)", said[0])


def test_a_trained_run_whose_evaluation_fails_is_measured_at_the_next_start(tmp_path, capsys):
    def evaluate(trained, dataset):
        return toy.evaluate(trained, dataset) if mended else {}["no such thing"]

    def build(config, dataset):
        return dataclasses.replace(
            toy.build(config, dataset),
            evaluate=evaluate,
            baselines=lambda trained, dataset: {"constant": lambda: Measured({"loss": 1e3})},
            figures=lambda report: {"loss": lambda: Image.new("L", (2, 2))},
        )

    config = toy.Config(steps=1, batch_size=8, workdir=str(tmp_path))
    mended = []
    for _ in range(2):
        # The end of such a run is not 0: a script must see that there is no number.
        with pytest.raises(UserError, match=r"nothing could be measured .*KeyError: 'no such thing'.*tries again"):
            run("toy", build, config)
        found = json.loads((tmp_path / "results.json").read_text())
        assert found["metrics"] == {} and found["baselines"] == {"constant": {"loss": 1e3}}
        assert set(found["left_out"]) == {"the evaluation of seed 0", "every figure"}
        assert "KeyError: 'no such thing'" in found["left_out"]["the evaluation of seed 0"]
    mended.append(True)
    found = run("toy", build, config)
    assert found["metrics"]["loss"]["mean"] > 0 and not found["left_out"]
    printed = capsys.readouterr().out
    assert printed.count("resuming from step 1") == 2 and "finished" not in printed
    run("toy", build, config)
    assert "this run is finished" in capsys.readouterr().out


def test_one_replica_that_cannot_be_measured_takes_no_other_with_it(tmp_path):
    seen = []

    def evaluate(trained, dataset):
        seen.append(None)
        if len(seen) == 1:
            raise UserError("its samples are all alike")
        return ours({"loss": float(len(seen)), "rare": np.nan if len(seen) == 2 else 1.0})

    def build(config, dataset):
        claims = [Claim("it learns", OURS, "constant", "-loss")]
        return dataclasses.replace(
            toy.build(config, dataset),
            evaluate=evaluate,
            baselines=lambda trained, dataset: {"constant": lambda: Measured({"loss": 1e3})},
            figures=lambda report: {str(len(report.replicas)): lambda: Image.new("L", (2, 2))},
            claims=claims,
        )

    found = run("toy", build, toy.Config(steps=1, replicas=3, batch_size=8, workdir=str(tmp_path)))
    assert found["metrics"] == {"loss": {"mean": 2.5, "stderr": 0.5}, "rare": {"mean": None, "stderr": None}}
    assert found["replica_values"] == {OURS: {"loss": [None, 2.0, 3.0], "rare": [None, None, 1.0]}}
    assert found["left_out"] == {"the evaluation of seed 0": "its samples are all alike"}
    assert found["verdicts"]["it learns"].endswith("2 seeds") and (tmp_path / "figures" / "2.png").exists()


def test_seeds_that_were_measured_are_in_the_results_before_the_next_is(tmp_path):
    def evaluate(trained, dataset):
        if done:
            raise KeyboardInterrupt
        done.append(None)
        return toy.evaluate(trained, dataset)

    def build(config, dataset):
        return dataclasses.replace(toy.build(config, dataset), evaluate=evaluate)

    done = []
    with pytest.raises(KeyboardInterrupt):
        run("toy", build, toy.Config(steps=1, replicas=2, batch_size=8, workdir=str(tmp_path)))
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["metrics"]["loss"]["mean"] > 0 and found["unfinished"].startswith("further seeds")


def test_a_kill_loses_no_number_and_changes_none(tmp_path):
    """Killed in the evaluation, a baseline and a figure: what was measured is there, and the end is the same."""

    def build(config, dataset):
        def die_if(place):
            if place == moments[-1]:
                raise KeyboardInterrupt

        def baseline(place):
            die_if(place)
            return Measured({"loss": 1e3})

        def evaluate(trained, dataset):
            die_if("evaluation")
            return toy.evaluate(trained, dataset)

        def figure():
            die_if("figure")
            return Image.new("L", (2, 2))

        return dataclasses.replace(
            toy.build(config, dataset),
            evaluate=evaluate,
            baselines=lambda trained, dataset: {name: partial(baseline, name) for name in ("first", "second")},
            figures=lambda report: {"grey": figure},
        )

    def content(directory):
        found = json.loads((directory / "results.json").read_text())
        return {key: value for key, value in found.items() if key != "seconds"}

    def start(name):
        return run("toy", build, toy.Config(steps=2, batch_size=8, workdir=str(tmp_path / name)))

    moments = [""]
    start("whole")
    whole = content(tmp_path / "whole")
    for place, rows in [
        ("evaluation", None),
        ("first", []),
        ("second", ["first"]),
        ("figure", ["first", "second"]),
    ]:
        moments.append(place)
        with pytest.raises(KeyboardInterrupt):
            start("killed")
        if rows is not None:
            part = content(tmp_path / "killed")
            assert part["metrics"] == whole["metrics"] and list(part["baselines"]) == rows
            assert "figures" in part["unfinished"] and "not yet measured: " in report(part)
    moments.append("")
    start("killed")
    assert content(tmp_path / "killed") == whole and "unfinished" not in whole


def test_a_metric_that_is_not_finite_is_said_to_be(tmp_path, capsys):
    bad = {"nan": np.nan, "inf": np.inf, "float32": np.float32(np.nan), "none": None}

    def build(config, dataset):
        mean = {"mean": np.nan, "stderr": np.inf}
        return dataclasses.replace(
            toy.build(config, dataset),
            evaluate=lambda trained, dataset: {**ours({**bad, "loss": 1.0}), "rival": Measured(bad)},
            baselines=lambda trained, dataset: {"b": lambda: Measured({"nan": mean})},
            published={"p": {"inf": np.inf}, "q": {"nll": "good"}},
        )

    infinite = {"mean": None, "stderr": None}
    found = run("toy", build, toy.Config(steps=1, batch_size=8, workdir=str(tmp_path)))
    json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert found["metrics"] == {**dict.fromkeys(bad, infinite), "loss": {"mean": 1.0, "stderr": None}}
    assert found["baselines"] == {"rival": dict.fromkeys(bad, infinite), "b": {"nan": infinite}}
    assert found["published"] == {"p": {"inf": infinite}} and list(found["left_out"]) == ["the published row q"]
    assert capsys.readouterr().out.count("not finite") == 10


def test_a_run_says_what_it_takes_to_make_it_again(tmp_path):
    found = run("toy", toy.build, toy.Config(steps=4, batch_size=8, workdir=str(tmp_path)))
    assert found["command"].startswith("python ") and "cpu" in found["device"]
    assert {"python", "jax", "flax", "numpy"} <= set(found["versions"])


def test_rows_of_one_thing_are_its_own():
    assert ours({"loss": 1.0}, curve=[1]) == {OURS: Measured({"loss": 1.0}, {"curve": [1]})}

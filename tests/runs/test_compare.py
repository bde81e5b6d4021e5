"""Two runs side by side: differences paired over seeds, as by SciPy."""

import json
import shutil

import numpy as np
import pytest
from scipy.stats import ttest_rel

from deeplearn.command import exit_code
from deeplearn.runs.__main__ import main
from deeplearn.runs.compare import differences

RNG = np.random.default_rng(0)


def results(seeds, rows, experiment="toy", dataset="digits"):
    """What a run writes, {row: {metric: values}} for each seed."""
    mean = {
        row: {name: {"mean": np.mean(v), "stderr": None} for name, v in own.items()} for row, own in rows.items()
    }
    return {
        "experiment": experiment,
        "dataset": dataset,
        "replicas": len(seeds),
        "seeds": list(seeds),
        "metrics": mean.pop("ours"),
        "baselines": mean,
        "replica_values": rows,
    }


def written(directory, content, fingerprint="a"):
    directory.mkdir()
    config = {"experiment": content["experiment"], "config": {}, "data": {"fingerprint": fingerprint}}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "results.json").write_text(json.dumps(content))
    return directory


def compared(first, second, capsys):
    code = exit_code(main, ["compare", f"--run={first}", f"--with={second}"])
    return code, *capsys.readouterr()


def test_differences_are_those_of_a_paired_t_test():
    """Seeds 2 to 6 and 0 to 4: three in common, in another place of each."""
    first, second = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))
    rows = [{"ours": {"loss": own[0].tolist()}, "other": {"nll": own[1].tolist()}} for own in (first, second)]
    found = differences(results(range(2, 7), rows[0]), results(range(5), rows[1]))
    for number, key in enumerate([("ours", "loss"), ("other", "nll")]):
        pairs = first[number, :3], second[number, 2:]
        interval = ttest_rel(*pairs).confidence_interval(0.95)
        verdict = found[key]
        assert verdict.seeds == 3 and verdict.mean == pytest.approx(np.mean(pairs[0] - pairs[1]))
        assert verdict.mean - verdict.half_width == pytest.approx(interval.low)
        assert verdict.mean + verdict.half_width == pytest.approx(interval.high)


def test_the_command(tmp_path, capsys):
    values = RNG.normal(size=5)
    rows = {
        "ours": {"accuracy": (values + 1).tolist(), "own": values.tolist()},
        "twin": {"accuracy": values.tolist()},
    }
    first = written(tmp_path / "one", results(range(5), rows))
    noisy = {"accuracy": (values + np.array([0.01, -0.01, 0.02, -0.02, 0.0])).tolist()}
    second = written(tmp_path / "two", results(range(5), {"ours": noisy, "twin": noisy}))
    code, out, err = compared(first, second, capsys)
    assert code == 0 and err == ""
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:6]] == ["one", "two", "one, twin", "two, twin"]
    assert lines[-2].startswith("accuracy: one is higher than two, one − two = +1") and "5 seeds" in lines[-2]
    assert lines[-1].startswith("accuracy of twin: undecided, one − two = ")
    _, out, _ = compared(second, first, capsys)
    assert "accuracy: two is lower than one, two − one = -1" in out


def test_what_hinders_a_comparison_is_said(tmp_path, capsys):
    rows = {"ours": {"accuracy": [0.5, 0.75]}}
    one = written(tmp_path / "one", results((0, 1), rows))
    for name, content, fingerprint, warning, said in [
        (
            "seeds",
            results((2, 3), rows),
            "a",
            "",
            "no differences: they are paired over common seeds, and there are none",
        ),
        ("data", results((0, 1), rows, dataset="glyphs"), "b", "differences are of the data too", "undecided"),
        ("examples", results((0, 1), rows), "b", "measured on other examples", "undecided"),
        ("experiment", results((0, 1), rows, "gan"), "a", "runs of toy and of gan", "undecided"),
        (
            "unfinished",
            {**results((0, 1), rows), "unfinished": "baselines"},
            "a",
            "baselines are missing",
            "undecided",
        ),
        ("single", results((0,), {"ours": {"accuracy": [0.5]}}), "a", "", "in one seed"),
    ]:
        code, out, err = compared(one, written(tmp_path / name, content, fingerprint), capsys)
        assert code == 0 and said in out
        assert err == "" if not warning else err.count("\n") == 1 and warning in err


def test_mistakes_end_in_one_sentence(tmp_path, capsys):
    one = written(tmp_path / "one", results((0, 1), {"ours": {"accuracy": [0.5, 0.75]}}))
    other = written(tmp_path / "other", results((0, 1), {"ours": {"nll": [0.5, 0.75]}}))
    going = written(tmp_path / "going", results((0, 1), {"ours": {"nll": [0.5, 0.75]}}))
    (going / "results.json").unlink()
    for second, sentence in {
        other: f"have no metric of a row in common: {one} has ours: accuracy, {other} has ours: nll",
        going: "has no results yet",
        tmp_path / "absent": "there is no directory",
    }.items():
        code, out, err = compared(one, second, capsys)
        assert code == 2 and out == "" and err.count("\n") == 1 and sentence in err


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        "{}",
        '{"metrics": 3}',
        {"baselines": 3},
        {"metrics": {"accuracy": "high"}},
        {"seeds": [0]},
        "[" * 10**5,
    ],
)
def test_damaged_results_end_in_one_sentence(tmp_path, capsys, damage):
    content = results((0, 1), {"ours": {"accuracy": [0.5, 0.75]}})
    one, other = (written(tmp_path / name, content) for name in ("one", "other"))
    text = damage if isinstance(damage, str) else json.dumps({**content, **damage})
    (other / "results.json").write_text(text)
    code, out, err = compared(one, other, capsys)
    assert code == 2 and out == "" and err.count("\n") == 1 and f"{other}/results.json" in err


def test_what_a_run_writes_is_enough(finished, tmp_path, capsys):
    directory, found = finished
    assert found["seeds"] == [0, 1] and list(found["replica_values"]) == ["ours"]
    shutil.copytree(directory, tmp_path / "copy")
    code, out, err = compared(directory, tmp_path / "copy", capsys)
    assert (code, err) == (0, "") and "loss: undecided, run − copy = +0, 95 % interval" in out

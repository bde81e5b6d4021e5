"""Alarms: when they are said, how often, and where they are kept."""

import json

import numpy as np

from deeplearn.train.alarms import Alarm, Watch
from deeplearn.train.logs import MetricsLog
from deeplearn.train.results import report

WON, SAME = Alarm("won", "it has won", above=0.99), Alarm("spread", "all are the same", below=0.1)


def said(watch, *readings, name="discriminate/won"):
    return [watch.sentences(step, {name: np.array(values)}) for step, values in enumerate(readings)]


def test_an_alarm_is_said_once_after_three_readings_in_a_row():
    found = said(Watch([WON], seed=5), [1.0], [1.0], [0.5], [1.0], [1.0], [1.0], [1.0])
    assert found[:5] == [[]] * 5 and found[6] == []
    assert found[5] == ["step 5, seed 5, discriminate: it has won (won 1, above 0.99)"]


def test_each_replica_and_each_network_is_watched_alone():
    found = said(Watch([SAME, WON], seed=0), *[[0.05, 0.5]] * 3, name="gan/discriminate/spread")
    assert found[-1] == ["step 2, seed 0, gan/discriminate: all are the same (spread 0.05, below 0.1)"]
    assert said(Watch([SAME], seed=0), *[[0.5, 0.01]] * 3, name="spread")[-1][0].startswith("step 2, seed 1: all")
    assert not any(said(Watch([WON], seed=0), *[[1.0]] * 5, name="discriminate/wonder"))


def test_what_was_said_is_in_the_log_and_in_the_report(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.write(10, "train", "train", {"won": np.array([1.0])})
    log.warn(10, "train", "step 10: it has won")
    log.warn(20, "train", "step 20: all are the same")
    assert log.alarms == ["step 10: it has won", "step 20: all are the same"]
    log.close()
    again = MetricsLog(tmp_path, 15)  # resumed from before the second
    assert again.alarms == ["step 10: it has won"]
    again.close()
    assert {json.loads(line)["split"] for line in (tmp_path / "metrics.jsonl").open()} == {"train", "alarms"}
    results = {"experiment": "gan", "dataset": "ring", "replicas": 1, "metrics": {}, "baselines": {}}
    assert report({**results, "alarms": ["step 10: it has won"]}).endswith("step 10: it has won")

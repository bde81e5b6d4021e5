"""Orbax's echoes are dropped, and nothing else is."""

import logging
import sys
from types import SimpleNamespace

from deeplearn.train.echoes import silence


def test_only_orbax_is_silenced(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    monkeypatch.setattr(logging.getLogger("absl"), "filters", [])
    silence()
    silence()  # each run does
    for message in ("Event loop is closed", "something else"):
        sys.unraisablehook(SimpleNamespace(exc_value=RuntimeError(message)))
    assert [str(one.exc_value) for one in told] == ["something else"]
    absl = logging.getLogger("absl")
    records = [logging.LogRecord("absl", 30, path, 1, "x", None, None) for path in ("/a/orbax/b.py", "/a/jax/b.py")]
    assert [bool(absl.filter(record)) for record in records] == [False, True]

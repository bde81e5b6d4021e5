"""What a run writes while it trains: metrics.jsonl, TensorBoard events, a progress bar or lines."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from deeplearn.errors import UserError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes the whole file or keeps the old one: a kill or a full disk never leaves half a file."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): make room or choose another --workdir") from error


def set_aside(path: Path) -> Path:
    """Renames what is damaged to damaged-NAME, or damaged-NAME-2 and so on where that is taken."""
    names = itertools.chain([path.name], (f"{path.name}-{number}" for number in itertools.count(2)))
    place = next(place for name in names if not os.path.lexists(place := path.with_name(f"damaged-{name}")))
    try:
        return path.rename(place)
    except OSError as error:
        raise UserError(f"{path} is damaged and cannot be renamed ({error.strerror}): move it away") from error


class MetricsLog:
    """Lines of metrics.jsonl and TensorBoard's events, continued after step `step` without gap or duplicate."""

    def __init__(self, workdir: Path, step: int) -> None:
        self.path = workdir / "metrics.jsonl"
        # A resumed run evaluates again: what a killed evaluation wrote would be there twice.
        lines = _lines(self.path)
        kept = [line for line, content in lines if content["step"] <= step and content["split"] != "test"]
        write_atomically(self.path, "".join(kept))
        self.file = self.path.open("a")
        self.events = Events(workdir, step)

    def write(self, step: int, stage: str, split: str, values: Mapping[str, np.ndarray]) -> None:
        """Values have one entry per replica; their mean is logged, with its standard error if there are several."""
        line: dict[str, Any] = {"step": step, "stage": stage, "split": split}
        line["values"] = {name: _number(np.mean(value)) for name, value in values.items()}
        if any(np.size(value) > 1 for value in values.values()):
            line["stderr"] = {
                name: _number(np.std(value, ddof=1) / math.sqrt(np.size(value)))
                for name, value in values.items()
                if np.size(value) > 1
            }
        self._append(line)

    def _append(self, line: Mapping[str, Any]) -> None:
        numbers = {f"{line['split']}/{name}": value for name, value in line["values"].items()}
        try:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
            self.events.write(line["step"], numbers)
        except OSError as error:
            raise UserError(
                f"cannot write {self.path} ({error.strerror}): make room there, and the same command resumes from "
                "the last checkpoint"
            ) from error

    def warn(self, step: int, stage: str, sentence: str) -> None:
        """A line of the split "alarms"."""
        self._append({"step": step, "stage": stage, "split": "alarms", "values": {}, "sentence": sentence})

    @property
    def alarms(self) -> list[str]:
        """What was said so far, in this process and those before."""
        lines = [content for _, content in _lines(self.path)]
        return [content["sentence"] for content in lines if content["split"] == "alarms"]

    def close(self) -> None:
        # Every line was flushed when it was written; closing must not hide why a run ended.
        with contextlib.suppress(OSError):
            self.file.close()
            self.events.close()


class Events:
    """TensorBoard's event file, written immediately and by this thread.

    tensorboardX's own SummaryWriter hands events to a thread, which dies on a full disk, and the run then waits
    for it for ever; only its file format is used here.
    """

    def __init__(self, workdir: Path, step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self.writer = EventsWriter(str(workdir / "events"), f".{step}.{os.getpid()}")
        if step:  # TensorBoard drops what a killed run wrote after the step from which it was resumed
            self.writer.write_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def write(self, step: int, values: Mapping[str, float | None]) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if value is not None]
        self.writer.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=scalars)))
        self.writer.flush()

    def picture(self, step: int, title: str, png: bytes, size: tuple[int, int]) -> None:
        """A PNG of (width, height) pixels."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        image = Summary.Image(width=size[0], height=size[1], colorspace=3, encoded_image_string=png)
        summary = Summary(value=[Summary.Value(tag=title, image=image)])
        self.writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


def _lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The whole lines of a file and what they say. That a damaged one is left out is said.

    The last may have been cut short by a kill: it is written again, and nothing is said.
    """
    if path.is_dir():
        print(f"{path} is a directory and was renamed to {set_aside(path).name}", file=sys.stderr)
    if not path.exists():
        return []
    lines = [(line, _content(line)) for line in path.read_text(errors="replace").splitlines(keepends=True)]
    if broken := sum(content is None for _, content in lines[:-1]):
        copy = path.with_name(f"damaged-{path.name}")
        write_atomically(copy, path.read_bytes())
        print(
            f"{path} has {broken} damaged line(s), now left out; {copy.name} holds all as it was", file=sys.stderr
        )
    return [(line, content) for line, content in lines if content is not None]


def _content(line: str) -> dict[str, Any] | None:
    """What a line of metrics.jsonl says; None where it is damaged."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    good = isinstance(content, dict) and isinstance(content.get("step"), int) and "split" in content
    return content if good and line.endswith("\n") else None


def _number(value: Any) -> float | None:
    # JSON has no infinity; a curve needs six digits.
    return float(f"{float(value):.6g}") if np.isfinite(value) else None


class Progress:
    """A tqdm bar on a terminal; a line a minute where the output is a file, or knows no control codes.

    watch: the metrics that it shows first, by full name or without the turn's name; then others.
    """

    SHOWN = 4  # metrics at most
    PAUSE = 60.0  # seconds between lines: short runs have none

    def __init__(self, steps: int, watch: Sequence[str] = (), stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.steps, self.watch = steps, ("loss", *watch)
        self.bar: tqdm[Any] | None = None
        self.metrics: dict[str, float] = {}
        self.first: tuple[int, float] | None = None  # the first step's number, and when it was done
        self.begun = self.written = time.monotonic()

    @property
    def shown(self) -> bool:
        return self.stream.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def postfix(self) -> dict[str, str]:
        return {name: f"{value:.4g}" for name, value in self.metrics.items()}

    def update(self, step: int, stage: str) -> None:
        now = time.monotonic()
        if self.first is None:  # the first step includes compilation: the clock starts after it
            self.first = (step, now)
        if not self.shown:
            self.line(step, stage, now)
            return
        if self.bar is None:
            self.clear()
            self.bar = tqdm(
                total=self.steps, initial=step, file=self.stream, leave=False, dynamic_ncols=True, unit="step",
                mininterval=0.2,
            )  # fmt: skip
        self.bar.set_description_str(stage, refresh=False)
        self.bar.update(step - self.bar.n)

    def line(self, step: int, stage: str, now: float) -> None:
        """Into a file: how far it is, if that was not said within the last minute."""
        if now - self.written < self.PAUSE or self.first is None:
            return
        begun, start = self.first
        metrics = ", ".join(f"{name}={value}" for name, value in self.postfix.items())
        how_far = partial(tqdm.format_meter, unit="step", initial=begun, postfix=metrics)
        self.write(how_far(step, self.steps, now - start, 0, stage))
        self.written = now

    def write(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def note(self, values: Mapping[str, Any]) -> None:
        """Stores the watched metrics for the next update."""
        for name, value in values.items():
            known = name in self.watch or name.rpartition("/")[2] in self.watch
            if known and (name in self.metrics or len(self.metrics) < self.SHOWN):
                self.metrics[name] = float(np.mean(value))
        if self.bar is not None:
            self.bar.set_postfix(self.postfix, refresh=False)

    def say(self, text: str) -> None:
        """A line in place of the bar, until the next update; into a file, when a minute has gone by."""
        if not self.shown:
            if text and time.monotonic() - self.begun >= self.PAUSE:
                self.write(text)
            return
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        width = os.get_terminal_size(self.stream.fileno()).columns or 100  # some terminals report 0
        self.stream.write("\r\x1b[K" + text[: width - 1])
        self.stream.flush()

    def clear(self) -> None:
        self.say("")

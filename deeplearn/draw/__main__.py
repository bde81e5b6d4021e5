"""Draws what you type.

    python -m deeplearn.draw --run=runs/text_to_image.imagen "woman astronaut: dark skin tone" --count=9
    python -m deeplearn.draw --run=runs/text_to_image.dalle "a small red circle above a large blue square"

The run is one that makes pictures from texts. What is written is a sheet of --count pictures, drawing.png or
--file; --seed gives others. --guidance pushes them further towards the text, where the run has it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deeplearn.command import execute, parser
from deeplearn.draw.drawing import drawn, need_text, sheet
from deeplearn.errors import UserError
from deeplearn.runs.export import writing
from deeplearn.runs.generate import asked_of, may_be_asked
from deeplearn.runs.run import open_run
from deeplearn.train.evaluation import as_png
from deeplearn.train.launch import use_compilation_cache


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.draw", __doc__)
    flags.add_argument("text", help="what is to be seen")
    flags.add_argument("--run", type=Path, required=True, help="a run directory")
    flags.add_argument("--file", type=Path, default=Path("drawing.png"), help="the .png to write")
    flags.add_argument("--count", type=int, default=9, help="how many pictures")
    flags.add_argument("--seed", type=int, default=0, help="seed of what is drawn at random")
    flags.add_argument("--replica", type=int, default=0, help="which of the run's replicas, from 0")
    flags.add_argument("--best", action="store_true", help="the best checkpoint on validation, not the newest")
    flags.add_argument("--data_dir", default=None, help="where prepared data sets are, if not where they were")
    may_be_asked(flags, without=("text",))
    chosen = flags.parse_args(arguments)
    if chosen.file.suffix != ".png":
        raise UserError(f"--file={chosen.file} should end in .png")
    return chosen


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
    need_text(run)
    asked = asked_of(chosen, without=("text",))
    begun = time.perf_counter()
    picture = sheet(run, chosen.text, drawn(run, chosen.text, chosen.count, chosen.seed, **asked))
    seconds = time.perf_counter() - begun
    writing(chosen.file, lambda: chosen.file.write_bytes(as_png(picture)))
    print(f"{chosen.file}: {chosen.count} pictures in {seconds:.1f} s, {run.name} at step {run.step}")


if __name__ == "__main__":
    execute(main, sys.argv[1:])

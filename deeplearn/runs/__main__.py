"""Uses a finished or running run: samples, questions, pictures translated, comparisons, weights and networks.

    python -m deeplearn.runs sample --run=runs/autoencoders.vae --file=samples.png [--count=3] [--seed=1]
    python -m deeplearn.runs images --run=runs/adversarial.dcgan --folder=made --count=2000 [--seed=1]
    python -m deeplearn.runs images --run=runs/adversarial.conditional --folder=made --text=A
    python -m deeplearn.runs interpolate --run=runs/stylegan2 --file=walk.gif [--truncation=.7] [--stops=6]
    python -m deeplearn.runs ask --run=runs/translate --text="Thursday, November 26, 2026" [--seed=1]
    python -m deeplearn.runs ask --run=runs/speech --file=digits.wav
    python -m deeplearn.runs translate --run=runs/pix2pix --folder=IN --out=OUT [--seed=1]
    python -m deeplearn.runs compare --run=runs/one --with=runs/other
    python -m deeplearn.runs export --run=runs/foundations.mlp --file=weights.safetensors
    python -m deeplearn.runs export --run=runs/foundations.mlp --file=mlp.jaxexport [--network=NAME]

sample draws --count sheets of the samples or reconstructions that the experiment draws while it trains, one below
the other, each with other random numbers. images fills a folder with --count pictures that a generator makes, one
file each, of what --text asks for where it can be asked. interpolate walks through the generator's noise, from each
of --stops random pictures to the next and back to the first: into a GIF, or a PNG with a row for each leg.
--truncation below 1 keeps styles near their mean: less variety, fewer failures. ask prints what the trained system
says to a text or to a file: the text translated, continued or classified, the picture described, the speech written
down. translate writes each picture of a folder as the trained system translates it, as a PNG of the same name.
compare prints the two runs' tables and, for each metric that both have, the difference over common seeds with its
95 % interval (Student's t, paired). export writes all variables as safetensors, or one network in evaluation mode
as a program that `jax.export.deserialize` reads, for any batch size. Runs are only read: they may still be
training, on any number of devices, and their data may be gone unless the command needs them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from deeplearn.command import execute, parser
from deeplearn.data.described import DataNeeded
from deeplearn.errors import UserError
from deeplearn.runs.compare import compare
from deeplearn.runs.export import save_program, save_weights, writing
from deeplearn.runs.generate import asked_of, images, interpolate, may_be_asked
from deeplearn.runs.run import Run, open_run
from deeplearn.runs.translate import translate
from deeplearn.train.evaluation import as_png
from deeplearn.train.launch import use_compilation_cache

COMMANDS = ("sample", "images", "interpolate", "ask", "translate", "compare", "export")
WEIGHTS, PROGRAM = ".safetensors", ".jaxexport"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.runs", __doc__)
    commands = flags.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name in COMMANDS:
        command = commands.add_parser(name, allow_abbrev=False)
        command.add_argument("--run", type=Path, required=True, help="a run directory")
        if name == "compare":
            command.add_argument("--with", type=Path, required=True, dest="other", help="another run directory")
            continue
        if name == "ask":
            question = command.add_mutually_exclusive_group(required=True)
            question.add_argument("--text", help="what is asked: a text")
            question.add_argument("--file", type=Path, help="what is asked: a picture or a sound")
        elif name == "images":
            command.add_argument("--folder", type=Path, required=True, help="a new folder for the pictures")
        elif name == "translate":
            command.add_argument("--folder", type=Path, required=True, help="the pictures to translate")
            command.add_argument("--out", type=Path, required=True, help="the folder to write to")
        else:
            command.add_argument("--file", type=Path, required=True, help="the file to write")
        command.add_argument("--replica", type=int, default=0, help="which of the run's replicas, from 0")
        command.add_argument(
            "--best", action="store_true", help="the best checkpoint on validation, not the newest"
        )
        command.add_argument(
            "--data_dir", default=None, help="where prepared data sets are, if not where they were"
        )
    commands.choices["sample"].add_argument("--count", type=int, default=1, help="sheets, one below the other")
    commands.choices["images"].add_argument("--count", type=int, default=100, help="pictures to make")
    commands.choices["interpolate"].add_argument("--stops", type=int, default=6, help="random pictures on the way")
    for name in ("images", "interpolate"):
        may_be_asked(commands.choices[name])
    for name in ("sample", "images", "interpolate", "ask", "translate"):
        commands.choices[name].add_argument("--seed", type=int, default=0, help="seed of what is drawn at random")
    commands.choices["export"].add_argument("--network", default="", help=f"for {PROGRAM}: a network or method")
    return flags.parse_args(arguments)


def sample(run: Run, count: int, seed: int) -> Image.Image:
    """`count` of the experiment's sheets, one below the other, each with other random numbers.

    The run's data are loaded only where the sheet shows some. UserError for an experiment without a sheet.
    """
    if run.experiment.sheet is None:
        raise UserError(f"{run.name} draws no sheet: it makes neither samples nor reconstructions")
    if count < 1 or seed < 0:
        raise UserError("--count should be at least 1, and --seed at least 0")
    sheets = [_sheet(run, seed, number) for number in range(count)]
    width, height = max(one.width for one in sheets), sum(one.height for one in sheets)
    whole = Image.new(sheets[0].mode, (width, height), "white")
    top = 0
    for one in sheets:
        whole.paste(one, (0, top))
        top += one.height
    return whole


def _sheet(run: Run, seed: int, number: int) -> Image.Image:
    assert run.experiment.sheet is not None
    trained = run.trained.folded(seed).folded(number) if seed or number else run.trained
    try:
        return run.experiment.sheet(trained, run.described)
    except DataNeeded:
        return run.experiment.sheet(trained, run.dataset())


def ask(run: Run, question: str, seed: int) -> str:
    """What the experiment's `answer` says. UserError for an experiment without one, or what cannot be answered."""
    if run.experiment.answer is None:
        raise UserError(f"{run.name} answers no questions: it says nothing to a text or a file")
    if seed < 0:
        raise UserError("--seed should be at least 0")
    trained = run.trained.folded(seed)
    try:
        return run.experiment.answer(trained, run.described, question)
    except DataNeeded:
        return run.experiment.answer(trained, run.dataset(), question)


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    if getattr(chosen, "seed", 0) >= 2**32:
        raise UserError(f"--seed={chosen.seed} should be less than 2³²")
    use_compilation_cache()
    if chosen.command == "compare":
        text, warnings = compare(chosen.run, chosen.other)
        for warning in warnings:
            print(warning, file=sys.stderr)
        print(text)
        return
    if chosen.command == "ask":
        if chosen.file is not None and not chosen.file.is_file():
            raise UserError(f"--file={chosen.file} is no file: name one to be read")
        run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
        print(ask(run, chosen.text if chosen.file is None else str(chosen.file), chosen.seed))
        return
    if chosen.command == "images":
        run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
        images(run, chosen.folder, chosen.count, chosen.seed, **asked_of(chosen))
        print(f"{chosen.folder}: {chosen.count} pictures, {run.name} at step {run.step}")
        return
    if chosen.command == "translate":
        run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
        count = translate(run, chosen.folder, chosen.out, chosen.seed)
        print(f"{chosen.out}: {count} picture(s), translated by {run.name} at step {run.step}")
        return
    file: Path = chosen.file
    endings = {"sample": (".png",), "interpolate": (".gif", ".png"), "export": (WEIGHTS, PROGRAM)}
    wanted = endings[chosen.command]
    if file.suffix not in wanted:
        raise UserError(f"--file={file} should end in {' or '.join(wanted)}: that says what is written")
    if chosen.command == "export" and chosen.network and file.suffix == WEIGHTS:
        raise UserError(f"--network is for a file that ends in {PROGRAM}: {WEIGHTS} holds all networks")
    run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
    if chosen.command == "sample":
        picture = sample(run, chosen.count, chosen.seed)
        writing(file, lambda: file.write_bytes(as_png(picture)))
        print(f"{file}: {picture.width}×{picture.height} pixels, {run.name} at step {run.step}")
    elif chosen.command == "interpolate":
        walk = interpolate(run, chosen.stops, chosen.seed, file.suffix, **asked_of(chosen))
        writing(file, lambda: file.write_bytes(walk))
        print(f"{file}: a walk past {chosen.stops} pictures, {run.name} at step {run.step}")
    elif file.suffix == WEIGHTS:
        print(f"{file}: {save_weights(run, file)} arrays, {run.name} at step {run.step}")
    else:
        print(f"{file}: {save_program(run, file, chosen.network)}, {run.name} at step {run.step}")


if __name__ == "__main__":
    execute(main, sys.argv[1:])

"""Flags and their mistakes."""

import dataclasses
import subprocess
import sys

import pytest

from deeplearn.errors import UserError
from deeplearn.train.config import Config, flag
from deeplearn.train.flags import parse


@dataclasses.dataclass(frozen=True)
class Small(Config):
    steps: int = 7
    widths: tuple[int, ...] = flag((3, 4), "widths of layers", min=0)
    rate: float = flag(0.5, "a rate", min=0, max=1)
    free: float = flag(0.5, "any number")
    frees: tuple[float, ...] = flag((0.5,), "any numbers")
    loud: bool = flag(False, "whether it is loud")
    kind: str = flag("a", "what kind", choices=("a", "b"))
    PAPER = {"rate": 0.25, "steps": 9}


def test_values_of_every_type():
    config = parse(Small, ["--widths=5,6,7", "--rate=.25", "--loud", "--kind=b", "--seed=3"])
    assert (config.widths, config.rate, config.loud, config.kind, config.seed) == ((5, 6, 7), 0.25, True, "b", 3)
    assert config.steps == 7 and parse(Small, ["--noloud"]).loud is False


def test_paper_sizes_yield_to_the_command_line():
    config = parse(Small, ["--paper", "--steps=11"])
    assert (config.rate, config.steps) == (0.25, 11)
    with pytest.raises(UserError, match="no paper-size"):
        parse(Config, ["--paper"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--stps=3"], "there is no flag --stps; did you mean --steps?"),
        (["--zzz=3"], "there is no flag --zzz (--help lists them)"),
        (["--steps=many"], "--steps=many should be an integer, at least 1"),
        (["--steps=-5"], "--steps=-5 should be an integer, at least 1"),
        (["--steps"], "--steps"),
        (["--rate=2"], "--rate=2 should be a number, at least 0 and at most 1"),
        (["--loud=perhaps"], "--loud=perhaps should be true or false"),
        (["--kind=c"], "--kind=c should be a or b"),
        (["--widths=3,x"], "--widths=3,x should be integers joined by commas"),
        (["--rate=nan"], "--rate=nan should be a number, at least 0 and at most 1"),
        (["--free=inf"], "--free=inf should be a number"),
        (["--free=-1e999"], "--free=-inf should be a number"),
        (["--frees=1,nan"], "--frees=1,nan should be numbers joined by commas"),
        (["--widths=3,-4"], "--widths=3,-4 should be integers joined by commas, at least 0"),
        (["--seed=4294967296"], "--seed=4294967296 should be an integer, at least 0; no integer beyond 2147483647"),
        (["--widths=99999999999"], "no integer beyond"),
        (["--seed=-1"], "--seed=-1 should be an integer, at least 0"),
        (["--kind="], "--kind= should be a or b"),
        (["--steps="], "--steps= should be an integer, at least 1"),
        (["stray"], "unexpected argument 'stray'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, sentence):
    with pytest.raises(UserError) as caught:
        parse(Small, arguments)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_help_shows_each_flag_with_type_default_and_line(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(Small, ["--help"], "What it does.")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("What it does.")
    assert "--widths  (integers joined by commas, at least 0; default '3,4')\n      widths of layers" in text
    for field in dataclasses.fields(Small):
        assert f"--{field.name} " in text
    assert "--steps  (an integer, at least 1; default 7)" in text  # a new default keeps the base's description


def test_a_field_without_description_is_the_author_s_mistake():
    @dataclasses.dataclass(frozen=True)
    class Bare(Config):
        thing: int = 3

    with pytest.raises(UserError, match="thing"):
        parse(Bare, [])


def test_a_configuration_that_is_no_dataclass_is_the_author_s_mistake():
    class Forgotten(Config):
        width: int = flag(3, "width")

    with pytest.raises(UserError, match=r"Forgotten is no dataclass: write @dataclasses"):
        parse(Forgotten, [])


def test_mistakes_exit_with_code_2_and_no_traceback():
    command = [sys.executable, "-m", "experiments.foundations.mlp", "--laerning_rate=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        done.stderr
        == "error: there is no flag --laerning_rate; did you mean --learning_rate? (--help lists them)\n"
    )


def test_all_experiments_are_listed():
    done = subprocess.run([sys.executable, "-m", "experiments"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "python -m experiments.autoencoders.vae" in done.stdout and "(Kingma & Welling 2014)" in done.stdout

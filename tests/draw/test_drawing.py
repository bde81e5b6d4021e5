"""Pictures of what a user types, by the command and as a function."""

import numpy as np
import pytest
from PIL import Image

from deeplearn import runs
from deeplearn.command import exit_code
from deeplearn.draw.__main__ import main
from deeplearn.draw.drawing import drawn, need_text, sheet
from deeplearn.errors import UserError
from tests.draw.painters import painters  # noqa: F401

TEXT = "a small red circle above a large blue square"


@pytest.fixture(name="run")
def opened(painters):  # noqa: F811
    return runs.open(painters[True])


def test_pictures_depend_on_text_seed_and_guidance_and_nothing_else(run):
    first = drawn(run, TEXT, 3, 0)
    assert first.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(first, drawn(run, TEXT, 3, 0))
    assert not np.allclose(first, drawn(run, TEXT, 3, 1)) and not np.allclose(
        first, drawn(run, "two red circles", 3, 0)
    )
    np.testing.assert_allclose(drawn(run, TEXT, 3, 0, guidance=1.0), 1)


def test_pictures_are_seen_as_they_come_to_be(run):
    seen = []
    made = drawn(run, TEXT, 2, 0, watch=seen.append)
    assert [one.mean() / made.mean() for one in seen] == pytest.approx([0, 1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("text", "asked", "sentence"),
    [
        ("a small red dog", {}, "this network never learnt the word 'dog'"),
        ("", {}, "the text is empty"),
        (TEXT, {"truncation": 0.5}, "painter takes no --truncation"),
    ],
)
def test_a_mistake_is_said(run, text, asked, sentence):
    with pytest.raises(UserError, match=sentence):
        drawn(run, text, 1, 0, **asked)
    with pytest.raises(UserError, match="--count should be from 1 to 100"):
        drawn(run, TEXT, 0, 0)


def test_a_run_that_draws_no_texts_says_so(painters):  # noqa: F811
    with pytest.raises(UserError, match="painter makes no pictures from texts: name a run of text_to_image"):
        need_text(runs.open(painters[False]))


def test_a_sheet_is_a_square_of_the_pictures(run):
    made = drawn(run, TEXT, 5, 0)
    whole = sheet(run, TEXT, made)
    assert whole.width > 3 * 148 and whole.height > 2 * 148


def test_the_command_writes_a_sheet(painters, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "deep" / "drawing.png"
    assert exit_code(main, [f"--run={painters[True]}", TEXT, f"--file={file}", "--count=4"]) == 0
    assert f"{file}: 4 pictures in" in capsys.readouterr().out
    assert Image.open(file).width > 2 * 148


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a zebra"], "never learnt the word 'zebra'"),
        ([TEXT, "--guidance=nan"], "--guidance=nan should be a number"),
        ([TEXT, "--file=x.jpg"], "--file=x.jpg should end in .png"),
        ([TEXT, "--seed=-1"], "--seed from 0 to"),
        ([], "the following arguments are required: text"),
    ],
)
def test_the_command_says_what_was_wrong(arguments, sentence, painters, tmp_path, capsys):  # noqa: F811
    assert exit_code(main, [f"--run={painters[True]}", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1

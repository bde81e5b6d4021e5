"""The page that draws: what it shows while pictures come to be, and what it says."""

import socket
import sys

import pytest

from deeplearn import runs
from deeplearn.command import exit_code
from deeplearn.demo.__main__ import main
from deeplearn.demo.page import examples, page, pictures, warm
from tests.draw.painters import painters  # noqa: F401

TEXT = "a small red circle above a large blue square"


@pytest.fixture(name="run")
def opened(painters):  # noqa: F811
    return runs.open(painters[True])


def test_the_finished_pictures_come_last(run):
    *_, (image, said) = pictures(run, TEXT, 2, 0, guidance=0.0)
    assert said == "2 pictures, painter at step 3" and image.width > 2 * 148


def test_a_mistake_is_what_is_said(run):
    ((image, said),) = pictures(run, "a zebra", 2, 0)
    assert image is None and said.startswith("this network never learnt the word 'zebra'")


def test_what_nobody_expected_is_not_swallowed(run, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("deeplearn.demo.page.drawn", broken)
    with pytest.raises(ZeroDivisionError):
        list(pictures(run, TEXT, 2, 0))


def test_its_examples_can_be_drawn(run):
    for text in examples(run):
        *_, (image, _) = pictures(run, text, 1, 0)
        assert image is not None
    warm(run)


def test_without_gradio_it_says_what_to_install(painters, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert exit_code(main, [f"--run={painters[True]}", "--port=7861"]) == 2
    assert "the page needs the library gradio: pip install 'deeplearn[demo]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(painters, capsys):  # noqa: F811
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        assert exit_code(main, [f"--run={painters[True]}", f"--port={port}"]) == 2
    assert f"--port={port} cannot be used" in capsys.readouterr().err


def test_the_page_is_built(run):
    pytest.importorskip("gradio")
    assert page(run).title == "painter: draw what I type"

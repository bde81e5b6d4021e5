"""A small page on this machine that draws what you type.

    pip install 'deeplearn[demo]'
    python -m deeplearn.demo --run=runs/text_to_image.imagen

Open http://127.0.0.1:7860 (or another --port) in a browser: a caption, guidance where the run has it, a seed, and
the pictures as they come to be. Only this machine can open it, and it needs no network.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from deeplearn.command import execute, parser
from deeplearn.demo.page import need_gradio, page, serve, warm
from deeplearn.errors import UserError
from deeplearn.runs.run import open_run
from deeplearn.train.launch import use_compilation_cache

LOOPBACK = "127.0.0.1"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.demo", __doc__)
    flags.add_argument("--run", type=Path, required=True, help="a run directory that makes pictures from texts")
    flags.add_argument("--port", type=int, default=7860, help="of the page")
    flags.add_argument("--replica", type=int, default=0, help="which of the run's replicas, from 0")
    flags.add_argument("--best", action="store_true", help="the best checkpoint on validation, not the newest")
    flags.add_argument("--data_dir", default=None, help="where prepared data sets are, if not where they were")
    chosen = flags.parse_args(arguments)
    if not 1 <= chosen.port < 2**16:
        raise UserError(f"--port={chosen.port} should be from 1 to 65535")
    return chosen


def need_port(port: int) -> None:
    """UserError where another program has the port."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((LOOPBACK, port))
        except OSError as error:
            raise UserError(f"--port={port} cannot be used ({error.strerror}): say another") from None


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    need_port(chosen.port)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    use_compilation_cache()
    need_gradio()
    run = open_run(chosen.run, chosen.replica, best=chosen.best, data_dir=chosen.data_dir)
    blocks = page(run)
    print("drawing once, so that your first caption waits for no compilation …", flush=True)
    warm(run)
    print(f"http://{LOOPBACK}:{chosen.port} (Ctrl-C ends it)", flush=True)
    serve(blocks, LOOPBACK, chosen.port)


if __name__ == "__main__":
    execute(main, sys.argv[1:])

"""The page itself: a caption, what else may be asked, and the pictures as they come to be."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from deeplearn.draw.drawing import drawn, need_text, sheet
from deeplearn.errors import UserError
from deeplearn.runs import Run

EXAMPLE = 4  # pictures that are drawn before the page opens, so that the first caption waits for no compilation

Shown = tuple[Image.Image | None, str]


def examples(run: Run) -> list[str]:
    """Captions to begin with: some that the run's data have, as their vocabulary writes them."""
    vocabulary = run.described.vocabulary
    if run.described.name.startswith("openmoji"):
        return ["woman astronaut: dark skin tone", "man firefighter: light skin tone", "judge: medium skin tone"]
    if run.described.name.startswith("shapes"):
        return ["a small red circle above a large blue square", "three large green triangles"]
    return [] if vocabulary is None else [vocabulary.join(vocabulary.tokens[4:7])]


def pictures(run: Run, text: str, count: int, seed: int, **asked: Any) -> Iterator[Shown]:
    """(sheet, what is to be said) again and again while the pictures come to be, the finished ones last.

    A mistake, such as a word that was never learnt, is what is said, without a sheet.
    """
    coming: queue.Queue[np.ndarray | Exception | None] = queue.Queue()
    made: list[np.ndarray] = []

    def work() -> None:
        try:
            made.append(np.asarray(drawn(run, text, count, seed, watch=coming.put, **asked)))
            coming.put(None)
        except Exception as error:
            coming.put(error)

    threading.Thread(target=work, daemon=True).start()
    number = 0
    while (found := coming.get()) is not None:
        if isinstance(found, UserError):
            yield None, str(found)
            return
        if isinstance(found, Exception):
            raise found
        number += 1
        if coming.empty():  # drawing waits for nobody who looks at it
            yield sheet(run, text, found), f"step {number} …"
    yield sheet(run, text, made[0]), f"{count} pictures, {run.name} at step {run.step}"


def page(run: Run) -> Any:
    """The page, gradio's `Blocks`; UserError where gradio is not installed, or the run draws no texts."""
    taken = need_text(run)
    gradio = need_gradio()
    begin = examples(run)

    def draw(text: str, count: float, seed: float | None, guidance: float | None) -> Iterator[Shown]:
        asked = {} if guidance is None else {"guidance": float(guidance)}
        yield from pictures(run, text, int(count), int(seed or 0), **asked)

    with gradio.Blocks(title=f"{run.name}: draw what I type", analytics_enabled=False) as blocks:
        gradio.Markdown(f"### {run.name}, step {run.step}, learnt from {run.described.name}")
        with gradio.Row():
            with gradio.Column():
                text = gradio.Textbox(label="caption", value=begin[0] if begin else "", lines=2)
                count = gradio.Slider(1, 9, value=EXAMPLE, step=1, label="pictures")
                seed = gradio.Number(0, precision=0, minimum=0, label="seed")
                guidance = gradio.Slider(
                    0,
                    8,
                    value=getattr(run.config, "guidance", 0.0),
                    step=0.25,
                    label="guidance",
                    visible="guidance" in taken,
                )
                button = gradio.Button("Draw", variant="primary")
                if begin:
                    gradio.Examples(begin, text)
            with gradio.Column():
                shown = gradio.Image(label="pictures", type="pil", format="png")
                said = gradio.Markdown()
        asked = [text, count, seed, guidance if "guidance" in taken else gradio.State(None)]
        for event in (button.click, text.submit):
            event(draw, asked, [shown, said], api_name="draw", show_progress="minimal")
    return blocks


def serve(blocks: Any, host: str, port: int) -> None:
    """Serves the page until it is interrupted."""
    # Fonts of the system: gradio's own would be fetched from the network.
    theme = need_gradio().themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    blocks.queue().launch(server_name=host, server_port=port, share=False, quiet=True, theme=theme)


def warm(run: Run) -> None:
    """Draws once, so that everything is compiled when the page opens."""
    if begin := examples(run):
        for _ in pictures(run, begin[0], EXAMPLE, 0):
            pass


def need_gradio() -> Any:
    """The library; UserError where it is not installed."""
    try:
        import gradio
    except ImportError:
        raise UserError("the page needs the library gradio: pip install 'deeplearn[demo]'") from None
    return gradio

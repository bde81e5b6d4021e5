"""What a user's words ask a conditional generator for."""

from __future__ import annotations

import difflib

from deeplearn.data import Dataset
from deeplearn.data.builders.emoji_names import combination
from deeplearn.errors import UserError
from deeplearn.judge.combinations import PARTS, has_parts


def asked_for(text: str, dataset: Dataset) -> tuple[int, ...]:
    """The numbers of what is asked for: of the class of that name, or of kind, person and tone of an emoji.

    UserError for no words, and for what the data set does not know.
    """
    if not text.strip():
        example = "woman judge: dark skin tone" if has_parts(dataset) else dataset.classes[0]
        raise UserError(f"say what to make by --text, such as --text={example!r}")
    if has_parts(dataset):
        parts = combination(text)
        return tuple(dataset.about[names].index(part) for names, part in zip(PARTS.values(), parts, strict=True))
    if text in dataset.classes:
        return (dataset.classes.index(text),)
    close = difflib.get_close_matches(text, dataset.classes, n=1)
    near = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(dataset.classes[:100])}"
    raise UserError(f"{dataset.name} has no class {text!r}: {near}")

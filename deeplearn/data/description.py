"""What a run saves about its data, so that its model can be built again when they are gone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.decoded import from_json, to_json
from deeplearn.data.described import Described
from deeplearn.data.split import Split
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError

SPLITS = ("train", "validation", "test")
LIMIT = 2**16  # limit of characters of a fact as JSON; a longer one is left out


def describe(dataset: Dataset) -> dict[str, Any]:
    """A data set without its rows, as JSON: name, fingerprint, classes, levels, vocabulary, splits, small facts."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint(),
        "classes": list(dataset.classes),
        "levels": dataset.levels,
        "vocabulary": dataset.vocabulary and dataclasses.asdict(dataset.vocabulary),
        "splits": {name: _split(getattr(dataset, name)) for name in SPLITS},
        "about": _small(dataset.about),
        "facts": _small(dataset.facts),
    }


def _split(split: Split) -> dict[str, Any]:
    spec = {key: [list(one.shape), str(np.dtype(one.dtype))] for key, one in split.spec.items()}
    return {"length": len(split), "spec": spec, "texts": list(split.texts)}


def _small(facts: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in facts.items():
        try:
            text = json.dumps(to_json(value), allow_nan=False)
        except (TypeError, ValueError):
            continue
        if len(text) <= LIMIT:
            kept[name] = to_json(value)
    return kept


def stand_in(description: Mapping[str, Any]) -> Dataset:
    """The data set that `describe` described, all but its rows. UserError where the description is damaged."""
    try:
        name, found = description["name"], description["vocabulary"]
        splits: dict[str, Any] = {
            split: Described(
                name,
                said["length"],
                {key: jax.ShapeDtypeStruct(tuple(shape), dtype) for key, (shape, dtype) in said["spec"].items()},
                tuple(said["texts"]),
            )
            for split, said in ((split, description["splits"][split]) for split in SPLITS)
        }
        return Dataset(
            name,
            **splits,
            classes=tuple(description["classes"]),
            levels=description["levels"],
            vocabulary=_vocabulary(found) if found else None,
            about={key: from_json(value) for key, value in description["about"].items()},
            facts={key: from_json(value) for key, value in description["facts"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the description of the run's data in config.json is damaged ({error!r})") from None


def _vocabulary(found: Mapping[str, Any]) -> Vocabulary:
    merges = tuple((left, right) for left, right in found.get("merges", ()))
    return Vocabulary(tuple(found["tokens"]), found["level"], merges)

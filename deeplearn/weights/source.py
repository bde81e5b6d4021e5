"""What transfer learning and picture vectors start from: the network of a file or a run, without its last layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deeplearn import runs
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.models.embedder import Embedder
from deeplearn.models.transfer import Transfer
from deeplearn.train.rivals import Rivals
from deeplearn.weights.convert import note
from deeplearn.weights.files import is_ours, read_tensors
from deeplearn.weights.members import of_zoo
from deeplearn.weights.names import HEADS
from deeplearn.weights.preprocessing import Preprocessing, as_they_are
from deeplearn.weights.saved import read_config
from deeplearn.weights.timm_config import of_file

Colours = tuple[tuple[float, ...], ...]


class Source(NamedTuple):
    """net: images [B, H, W, C] -> features [B, D], in the form that its library has.

    colours: mean and std of each of C, as it was trained with. blue_first: the order of its colours.
    of: where it is in a run, for `load_into`.
    picture: how a picture's file becomes an image in [0, 1], before its colours are as in training; None where the
        images that it was trained on are no pictures.
    """

    net: Any
    colours: Colours
    blue_first: bool = False
    of: str = ""
    picture: Preprocessing | None = None


def source(path: Path, model: str) -> Source:
    """The network in a file of another library (`model`: its name in the zoo), in one of ours, or in a run.

    UserError where there is none that the zoo has a kind of.
    """
    if path.is_dir():
        return _of_run(path)
    tensors = read_tensors(path)
    if is_ours(tensors):
        config = read_config(path)
        net, prepared = config.network.clone(classes=0), config.preprocessing
    else:
        found = of_zoo(tensors, model, path, features=True)
        net, prepared = found.net, of_file(path, found.library, type(found.net).__name__, found.side)
    channels = len(prepared.mean)
    picture = dataclasses.replace(prepared, mean=(0.0,) * channels, std=(1.0,) * channels, blue_first=False)
    return Source(net, (prepared.mean, prepared.std), prepared.blue_first, picture=picture)


def pretrained(weights: str, model: str, dataset: Dataset) -> Source:
    """`source` of the flags --weights and --network; UserError where it cannot see the data set's images."""
    if not Path(weights).exists():
        raise UserError(f"--weights={weights} is neither a file nor a run directory")
    found = source(Path(weights), model)
    own, theirs = dataset.image_shape[-1], len(found.colours[0])
    if own not in (1, theirs):
        raise UserError(
            f"{dataset.name} has images of {own} channels, and the network of --weights={weights} was "
            f"trained on {theirs}: give images of {theirs} channels, or of one"
        )
    return found


def _of_run(path: Path) -> Source:
    run = runs.open(path)
    found = list(_networks(run.model))
    if not found:
        kinds = ", ".join(kind.__name__ for kind in HEADS)
        raise UserError(f"the run {path} of {run.name} has no network to start from: it should have one of {kinds}")
    if others := [one.of for one in found[1:]]:
        note(f"{path} has several networks: {found[0].of} is taken, not {', '.join(others)}")
    chosen, (height, width, channels) = found[0], run.image_shape
    if not chosen.colours:  # a run sees images as they are
        chosen = chosen._replace(colours=((0.0,) * channels, (1.0,) * channels))
    return chosen._replace(picture=as_they_are(height, width, channels) if channels in (1, 3) else None)


def _networks(model: Any, place: str = "") -> Iterator[Source]:
    """Networks of the zoo's kinds in a model, the experiment's own first."""
    if isinstance(model, Rivals):
        for name, system in model.systems.items():
            yield from _networks(system.module, f"{name}/")
    elif isinstance(model, Transfer):
        yield Source(model.net, model.colours, model.blue_first, f"{place}source/body")
    elif isinstance(model, Embedder):
        yield Source(model.net, model.colours, model.blue_first, f"{place}body")
    elif type(model) in HEADS:
        yield Source(model.clone(classes=0), (), of=place.rstrip("/"))

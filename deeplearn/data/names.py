"""Loads a data set by name: ours, TFDS's, or the user's own files."""

import dataclasses
import importlib
import os
from pathlib import Path
from typing import Any

from deeplearn.data.dataset import Dataset
from deeplearn.errors import UserError

# The user's own files, by what stands before the colon: what loads them, imported when it is asked for.
OWN_FILES = {
    "folder": "folder.load_folder",
    "npz": "npz.load_npz",
    "text": "text.load_text",
    "csv": "csv_texts.load_csv",
    "pairs": "pairs.load_pairs",
    "conll": "conll.load_conll",
    "captions": "captions.load_captions",
    "speech": "speech.load_speech",
    "sts": "sts.load_sts",
    "trees": "treebank.load_trees",
    "unpaired": "two_folders.load_two_folders",
}

# Sets that are generated, by what stands before the slash: what makes them, and their size where none is named.
GENERATED = {
    "adding": ("endless.load_endless", "50"),
    "recent": ("endless.load_endless", "50"),
    "copy": ("endless.load_endless", "50"),
    "persons": ("persons.load_persons", "5400"),
    "shapes": ("shapes.load_shapes", "32"),
}


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Loads a data set, preparing it first where that is needed and possible.

    name: one of
        "digits", "glyphs", "mixture/grid", "mixture/ring", "tables/wine", …: ours, prepared in seconds;
        "adding/50", "copy/200", "recent/50", any length: tasks of memory without end (see deeplearn.data.endless);
        "persons", "persons/20000": a corpus whose analogies are known (see deeplearn.data.persons);
        "shapes/32", "shapes/64": coloured shapes and sentences about them (see deeplearn.data.shapes);
        "mnist", "emnist/balanced", …: any TFDS data set that is prepared in data_dir or can be downloaded,
            "stl10@64" to cut its images to squares of 64 pixels;
        "folder:PATH" or "folder:PATH@64": images, one sub-folder per class, perhaps within train/, val/ and test/,
            or with labels in a CSV file (see deeplearn.data.folder);
        "npz:PATH": arrays (see deeplearn.data.npz);
        "text:FILE", "csv:FILE", "pairs:FILE", "conll:FILE": a text, texts with labels, sources with targets, tagged
            sentences, as columns of tokens (see deeplearn.data.text, csv_texts, pairs, conll);
        "captions:PATH" or "captions:PATH@64": pictures beside a metadata.csv or metadata.jsonl with a text for each
            (see deeplearn.data.captions);
        "speech:DIR": WAV files beside a metadata.csv with their texts (see deeplearn.data.speech);
        "sts:FILE": pairs of sentences with a score (see deeplearn.data.sts);
        "trees:FILE": labelled trees (see deeplearn.data.treebank);
        "pairs:DIR" or "pairs:DIR@64": pairs of pictures (see deeplearn.data.picture_pairs);
        "unpaired:A,B" or "unpaired:A,B@64": two folders of pictures without pairs (see deeplearn.data.two_folders);
        "domains:A,B": a source and a target of the same classes, two of these names (see deeplearn.data.domains).
        Texts are cut into characters; "csv:FILE@word", "imdb_reviews@word:5000", "text:FILE@piece:2000" into words
            or byte-pair pieces, at most so many different ones (see deeplearn.data.cut).
    data_dir: where TFDS data sets are kept; $TFDS_DATA_DIR or ~/tensorflow_datasets when not given.

    Raises UserError, in one sentence, for anything the user can correct.
    """
    directory = tfds_directory(data_dir)
    kind, colon, path = name.partition(":")
    task, _, size = name.partition("/")
    if colon and kind in OWN_FILES:
        dataset: Dataset = _function(OWN_FILES[kind])(path)
    elif colon and kind == "domains":
        from deeplearn.data.domains import load_domains

        dataset = load_domains(path, lambda one: load(one, directory))
    elif task in GENERATED:
        maker, usual = GENERATED[task]
        dataset = _function(maker)(task, size or usual)
    else:
        from deeplearn.data.prepared import load_prepared

        dataset = load_prepared(name, directory)
    return dataclasses.replace(dataset, directory=directory)


def _function(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"deeplearn.data.{module}"), function)


def absolute(name: str) -> str:
    """The name with a whole path in place of a relative one: it means the same wherever a program starts."""
    kind, _, path = name.partition(":")
    if kind == "domains":
        return f"domains:{','.join(map(absolute, path.split(',')))}"
    if kind not in OWN_FILES or not path:
        return name
    paths = path.split(",") if kind == "unpaired" else [path]
    # A slash at its end says that "@64" before it belongs to the folder's name.
    whole = [f"{Path(os.path.expanduser(one)).absolute()}" + "/" * one.endswith("/") for one in paths]
    return f"{kind}:{','.join(whole)}"


def tfds_directory(data_dir: str | os.PathLike | None) -> Path:
    """The directory that TFDS would use."""
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        return Path(chosen).expanduser().absolute()
    except RuntimeError as error:  # ~name of nobody
        raise UserError(
            f"{chosen} cannot be the data directory ({error}): choose another with --data_dir."
        ) from None

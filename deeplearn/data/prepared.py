"""Data sets that are stored as TFDS records in the data directory: found there, or prepared once."""

import contextlib
import dataclasses
import io
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from deeplearn.data import decoded
from deeplearn.data.builders import OWN, complete
from deeplearn.data.cut import Cut, split_cut
from deeplearn.data.dataset import Dataset
from deeplearn.data.forms import FORMS, form_of
from deeplearn.data.images import split_side
from deeplearn.data.lock import locked
from deeplearn.data.versions import find
from deeplearn.errors import UserError, brief, foreign


def load_prepared(name: str, directory: Path) -> Dataset:
    """Loads one of our sets or one of TFDS's. `directory` holds

    <name>/[<config>/]<version>/   the records, as TFDS keeps them
    decoded/<name>[@side]/         the same examples as arrays, for sets that fit in memory
    decoded/<name>[@side].lock     locked while either is made
    """
    whole, cut = split_cut(name)
    end = name[len(whole) :]
    wanted, side = split_side(whole)
    if not re.fullmatch(r"\w+(/[\w.+-]+)?", wanted):
        raise UserError(
            f"{name!r} is not a data set's name: say digits, mixture/ring, mnist, folder:PATH, npz:PATH, "
            "text:FILE, csv:FILE, pairs:FILE, sts:FILE, conll:FILE, trees:FILE, captions:DIR, speech:DIR, "
            "pairs:DIR or unpaired:DIR,DIR."
        )
    if wanted.partition("/")[0] in OWN:
        if side:
            raise UserError(f"{wanted} has one size of its own: leave out @{side}.")
        whole = wanted = "/".join(filter(None, complete(wanted)))
    try:
        dataset = _load(whole, wanted, side, directory)
    except OSError as error:
        raise UserError(
            f"cannot write to the data directory {directory} ({error.strerror or brief(error)}): "
            "choose another with --data_dir or $TFDS_DATA_DIR."
        ) from error
    return _in_tokens(dataset, whole + end, cut)


def _in_tokens(dataset: Dataset, name: str, cut: Cut | None) -> Dataset:
    """The set with its texts as tokens, if it is one of texts."""
    base = dataset.name.partition("/")[0]
    form = OWN[base].form if base in OWN else form_of(dataset)
    if not form:
        if cut:
            raise UserError(f"{dataset.name} has no text to be cut into {cut.level}s: leave out @{cut.level}.")
        return dataset
    return FORMS[form](dataclasses.replace(dataset, name=name), cut)


def _load(name: str, wanted: str, side: int | None, directory: Path) -> Dataset:
    cache = directory / "decoded" / name
    if (found := _read(cache, wanted, directory)) is not None:
        return found.dataset(name)
    with contextlib.ExitStack() as stack:
        read_only = None
        try:
            stack.enter_context(locked(cache.with_name(cache.name + ".lock")))
        except OSError as error:
            # A shared directory that others prepared can be read, but nothing can be cached in it.
            read_only = error
            if find(wanted, directory) is None:
                raise
        # Another process may have done the work while this one waited for the lock.
        if (found := _read(cache, wanted, directory)) is not None:
            return found.dataset(name)
        loaded, notes = _decode(wanted, name, side, directory, read_only is None)
        if isinstance(loaded, Dataset):
            return dataclasses.replace(loaded, notes=notes)
        try:
            if read_only is not None:
                raise read_only
            if (records := find(wanted, directory)) is not None:
                decoded.write(cache, loaded, records)
        except OSError as error:
            notes = (*notes, f"{directory} cannot be written ({error.strerror}): {name} is decoded at every start")
        return dataclasses.replace(loaded.dataset(name), notes=notes)


def _decode(
    name: str, called: str, side: int | None, directory: Path, writable: bool
) -> tuple[decoded.Decoded | Dataset, tuple[str, ...]]:
    """What the records hold, prepared first where there are none, or again where they are damaged; and notes."""
    from deeplearn.data.decode import decode

    own, records = name.partition("/")[0] in OWN, find(name, directory)
    try:
        return decode(_builder(name, directory), called, side), ()
    except Exception as error:  # damaged records make their readers raise anything
        if records is None or (isinstance(error, UserError) and not own) or foreign(error):
            raise
        if not (own and writable):
            how = "" if own else f" with tfds build {name} --file_format=array_record"
            raise UserError(
                f"the records of {name} in {records} are damaged ({brief(error)}): remove that directory, and "
                f"prepare them again{how}."
            ) from error
        shutil.rmtree(records)
        note = f"the records of {name} in {records} were damaged ({brief(error)}): they are prepared again"
    return decode(_builder(name, directory), called, side), (note,)


def _builder(name: str, directory: Path) -> Any:
    if name.partition("/")[0] in OWN:
        return _own_builder(name, directory)
    from deeplearn.data.foreign import foreign_builder

    return foreign_builder(name, directory)


def _read(cache: Path, name: str, directory: Path) -> decoded.Decoded | None:
    records = find(name, directory)
    return decoded.read(cache, records) if records else None


def _own_builder(name: str, directory: Path) -> Any:
    """Our builder of that name, prepared. The caller holds the lock."""
    import tensorflow_datasets as tfds

    base, config = complete(name)
    prepared = find(name, directory)
    if prepared is None:  # there may be a part of it
        shutil.rmtree(directory / name / OWN[base].version, ignore_errors=True)
    builder = OWN[base].builder(config, str(directory))
    if prepared is None:
        # What a killed preparation left behind.
        for rest in Path(builder.data_path).parent.glob(f"incomplete.*_{builder.version}"):
            shutil.rmtree(rest)
        print(f"preparing {name} in {directory}, once", file=sys.stderr)
        tfds.disable_progress_bar()
        with contextlib.redirect_stdout(io.StringIO()):  # TFDS speaks of a download, and nothing is downloaded
            builder.download_and_prepare()
    return builder

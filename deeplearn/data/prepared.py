"""Data sets that are stored as TFDS records in the data directory: found there, or prepared once."""

import contextlib
import re
import shutil
from pathlib import Path
from typing import Any

from absl import logging

from deeplearn.data import decoded
from deeplearn.data.builders import OWN, complete
from deeplearn.data.dataset import Dataset
from deeplearn.data.images import split_side
from deeplearn.data.lock import locked
from deeplearn.data.versions import find
from deeplearn.errors import UserError


def load_prepared(name: str, directory: Path) -> Dataset:
    """Loads one of our sets or one of TFDS's. `directory` holds

    <name>/[<config>/]<version>/   the records, as TFDS keeps them
    decoded/<name>[@side]/         the same examples as arrays, for sets that fit in memory
    decoded/<name>[@side].lock     locked while either is made
    """
    wanted, side = split_side(name)
    if not re.fullmatch(r"\w+(/[\w.+-]+)?", wanted):
        raise UserError(
            f"{name!r} is not a data set's name: say digits, mixture/ring, mnist, folder:PATH or npz:PATH."
        )
    if wanted.partition("/")[0] in OWN:
        if side:
            raise UserError(f"{wanted} has one size of its own: leave out @{side}.")
        name = wanted = "/".join(filter(None, complete(wanted)))
    cache = directory / "decoded" / name
    if (found := _read(cache, wanted, directory)) is not None:
        return found.dataset(name)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(cache.with_name(cache.name + ".lock")))
            writable = True
        except OSError as error:
            # A shared directory that others prepared can be read, but nothing can be cached in it.
            writable = False
            if find(wanted, directory) is None:
                raise UserError(
                    f"cannot write to the data directory {directory} ({error.strerror}): "
                    "choose another with --data_dir or $TFDS_DATA_DIR."
                ) from error
        # Another process may have done the work while this one waited for the lock.
        if (found := _read(cache, wanted, directory)) is not None:
            return found.dataset(name)
        builder = _own_builder(wanted, directory) if wanted.partition("/")[0] in OWN else None
        if builder is None:
            from deeplearn.data.foreign import foreign_builder

            builder = foreign_builder(wanted, directory)
        from deeplearn.data.decode import decode

        loaded = decode(builder, name, side)
        if isinstance(loaded, Dataset):
            return loaded
        if writable:
            decoded.write(cache, loaded, Path(builder.data_path))
        else:
            logging.info("%s is not writable: %s will be decoded at every start", directory, name)
        return loaded.dataset(name)


def _read(cache: Path, name: str, directory: Path) -> decoded.Decoded | None:
    records = find(name, directory)
    return decoded.read(cache, records) if records else None


def _own_builder(name: str, directory: Path) -> Any:
    """Our builder of that name, prepared. The caller holds the lock."""
    import tensorflow_datasets as tfds

    base, config = complete(name)
    builder = OWN[base].builder(config, str(directory))
    if find(name, directory) is None:
        # What a killed preparation left behind.
        for rest in Path(builder.data_path).parent.glob(f"incomplete.*_{builder.version}"):
            shutil.rmtree(rest)
        logging.info("preparing %s in %s, once", name, directory)
        tfds.disable_progress_bar()
        builder.download_and_prepare()
    return builder

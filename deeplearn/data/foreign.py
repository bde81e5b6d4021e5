"""TFDS's own data sets: found prepared, or downloaded and prepared, or one clear sentence that says why not."""

import difflib
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deeplearn.data.builders import NAMES
from deeplearn.data.gfile import sound_without_tensorflow, without_tensorflow
from deeplearn.data.versions import find
from deeplearn.errors import UserError, brief

# Seconds to wait for an answer before a host counts as unreachable. TFDS itself would retry for minutes.
PATIENCE = 3.0


def foreign_builder(name: str, directory: Path) -> Any:
    """The prepared TFDS builder `name` ("mnist", "emnist/balanced"). The caller holds the lock."""
    import tensorflow_datasets as tfds

    sound_without_tensorflow()
    records = find(name, directory)
    if records is None:
        builder = _registered_builder(name, directory)
        _prepare(builder, name, directory)
        return builder
    if json.loads((records / "dataset_info.json").read_text()).get("fileFormat") != "array_record":
        raise UserError(
            f"{name} in {records} is not prepared as array_record, the one format that is read without "
            f"TensorFlow: move it away and prepare it with tfds build {name} --file_format=array_record."
        )
    return tfds.builder_from_directory(records)


def _registered_builder(name: str, directory: Path) -> Any:
    import tensorflow_datasets as tfds

    base, _, config = name.partition("/")
    known = tfds.list_builders(with_community_datasets=False)
    if base not in known:
        close = difflib.get_close_matches(name, [*NAMES, *known], n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"ours are {', '.join(NAMES)}."
        raise UserError(f"there is no data set named {name}: {hint}")
    configs = list(tfds.builder_cls(base).builder_configs)
    if config and config not in configs:
        offered = f"choose one of {', '.join(configs)}" if configs else f"say {base}"
        raise UserError(f"{base} has no variant {config!r}: {offered}.")
    return tfds.builder(name, data_dir=str(directory), file_format="array_record")


def _prepare(builder: Any, name: str, directory: Path) -> None:
    urls = list(builder.url_infos)
    if urls and not _answers(urls[0]):
        raise UserError(
            f"{name} is not prepared in {directory} and {urlsplit(urls[0]).hostname} does not answer: prepare "
            f"it on a machine with a network and copy the directory here, or choose a set that needs no "
            f"network ({', '.join(NAMES)})."
        )
    try:
        with without_tensorflow(builder):
            builder.download_and_prepare()
    except Exception as error:
        # Whatever goes wrong in TFDS's own preparation, the remedy is the same.
        raise UserError(
            f"TFDS could not prepare {name} in {directory} ({brief(error)}): prepare it where TensorFlow "
            f"is installed with tfds build {name} --file_format=array_record and copy it here."
        ) from error


def _answers(url: str) -> bool:
    """Whether the host of `url` answers at all within PATIENCE seconds, name look-up included."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
            answered.set()
        except urllib.error.HTTPError:
            answered.set()
        except OSError:
            pass
        done.set()

    done = threading.Event()
    threading.Thread(target=ask, daemon=True).start()
    done.wait(PATIENCE)
    return answered.is_set()

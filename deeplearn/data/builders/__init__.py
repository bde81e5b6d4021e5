"""Data sets of our own, as TFDS builders that never import TensorFlow.

This file lists them and imports nothing heavy: a set that was prepared and decoded before is read without TFDS.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from deeplearn.errors import UserError


@dataclass(frozen=True)
class Own:
    """One data set of ours: deeplearn.data.builders.<module>.Builder, its version and its configurations.

    Raise the version whenever the examples change: it is part of the prepared set's path. `form`: of a set of
    texts, how they become tokens (`deeplearn.data.forms.FORMS`).
    """

    module: str
    version: str
    configs: tuple[str, ...] = ()
    default: str | None = None
    form: str = ""

    def builder(self, config: str | None, data_dir: str) -> Any:
        """The TFDS builder, an OwnBuilder."""
        module = importlib.import_module(f"deeplearn.data.builders.{self.module}")
        return module.Builder(config=config, data_dir=data_dir, file_format="array_record")


OWN = {
    "code": Own("code", "1.0.0", ("python",), form="tagged"),
    "colours": Own("colours", "1.0.0", ("photographs",), default="photographs"),
    "digits": Own("digits", "1.0.0"),
    "domains": Own("domains", "1.0.0", ("photographs", "type", "dejavu", "other_fonts", "day", "night")),
    "glyphs": Own("glyphs", "1.0.0"),
    "listops": Own("listops", "1.0.0", form="listops"),
    "mixture": Own("mixture", "1.0.0", ("grid", "ring"), default="grid"),
    "openmoji": Own(
        "openmoji",
        "1.0.0",
        tuple(f"{which}{side}" for which in ("", "people-") for side in (16, 24, 32, 64)),
        default="32",
        form="captions",
    ),
    "outlines": Own("outlines", "1.0.0", ("emoji", "glyphs")),
    "names": Own("names", "1.0.0", ("languages",), default="languages", form="labelled"),
    "ratings": Own("ratings", "1.0.0"),
    "sentiment": Own("sentiment", "1.0.0", ("words",), default="words", form="labelled"),
    "sentences": Own("sentences", "1.0.0", ("python_docs", "world"), form="sentences"),
    "series": Own("series", "1.0.0", ("co2", "sunspots")),
    "stacked_glyphs": Own("stacked_glyphs", "1.0.0"),
    "speech": Own("speech", "1.0.0", ("digits",), default="digits", form="speech"),
    "text": Own("text", "1.0.0", ("python_docs",), form="text"),
    "tables": Own("tables", "1.0.0", ("breast_cancer", "diabetes", "wine")),
    "translation": Own("translation", "1.0.0", ("dates", "names"), form="pairs"),
    "unpaired": Own("unpaired", "1.1.0", ("fonts", "skin_tones")),
}

NAMES = tuple(
    sorted(f"{name}/{config}" if config else name for name, own in OWN.items() for config in own.configs or ("",))
)


def complete(name: str) -> tuple[str, str | None]:
    """Splits "mixture/ring" into its set and its configuration, the default one where none is named.

    Raises UserError for a configuration that the set does not have.
    """
    base, _, config = name.partition("/")
    own = OWN[base]
    if config in own.configs:
        return base, config
    if not config and not own.configs:
        return base, None
    if not config and own.default:
        return base, own.default
    if not own.configs:
        raise UserError(f"{base} has no variants: say {base} instead of {name}.")
    wanted = f"{base} has no variant {config!r}" if config else f"{base} is several data sets"
    raise UserError(f"{wanted}: choose one of {', '.join(f'{base}/{known}' for known in own.configs)}.")

"""Names of territories, languages and currencies in twenty languages, of Unicode's CLDR as Babel ships it.

Which language is a name in? All languages are written in Latin letters, and some are close: Danish and Norwegian,
Czech and Croatian, Catalan and Spanish. A name that several of them have, such as "Angola" (capitals aside), has no
right answer and is left out of all splits.
"""

from collections.abc import Iterator

import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.partition import by_key

# CLDR's code: the language's English name.
LANGUAGES = {
    "eu": "Basque",
    "ca": "Catalan",
    "hr": "Croatian",
    "cs": "Czech",
    "da": "Danish",
    "nl": "Dutch",
    "en": "English",
    "et": "Estonian",
    "fi": "Finnish",
    "fr": "French",
    "de": "German",
    "hu": "Hungarian",
    "it": "Italian",
    "nb": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "es": "Spanish",
    "sv": "Swedish",
    "tr": "Turkish",
}
KINDS = ("territories", "languages", "currencies")
SEED = 0


def names() -> Iterator[tuple[tuple[str, str], str, str]]:
    """(key, language, name) for each name that one language alone has; a key is a kind and CLDR's code.

    Of the keys that have the same name in a language, the first has it.
    """
    from babel import Locale

    owners: dict[str, dict[str, tuple[tuple[str, str], str]]] = {}
    for language in LANGUAGES:
        locale = Locale.parse(language)
        for kind in KINDS:
            for code, name in sorted(getattr(locale, kind).items()):
                owners.setdefault(name.casefold(), {}).setdefault(language, ((kind, code), name))
    for found in owners.values():
        if len(found) == 1:
            ((language, (key, name)),) = found.items()
            yield key, language, name


class Builder(OwnBuilder):
    """Split by key: all names of a territory, language or currency are in one split, 70 / 10 / 20 % of the keys.

    Columns text and label.
    """

    name = "names"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = (tfds.core.BuilderConfig(name="languages"),)

    def _info(self) -> tfds.core.DatasetInfo:
        label = tfds.features.ClassLabel(names=list(LANGUAGES.values()))
        features = tfds.features.FeaturesDict({"text": tfds.features.Text(), "label": label})
        return tfds.core.DatasetInfo(builder=self, description=__doc__, features=features)

    def _split_generators(self, dl_manager):
        rows = list(names())
        split = by_key((row[0] for row in rows), SEED)
        return {
            name: self._generate_examples([row for row in rows if split[row[0]] == name])
            for name in ("train", "validation", "test")
        }

    def _generate_examples(self, rows):
        for (kind, code), language, name in rows:
            yield f"{kind}/{code}/{language}", {"text": name, "label": LANGUAGES[language]}

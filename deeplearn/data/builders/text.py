"""`text/python_docs`: the English of Python's own language reference, from pydoc_data.topics.

The text is that of the running Python (PSF licence), so it differs between versions: `about["python"]` says which
one it was, and a run keeps its fingerprint. The reference tells many things in two topics, so a paragraph that
occurred before is left out; test comes first, then validation: neither has a paragraph in common with train.
"""

import platform

import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

# Some 10 % each. All other topics are for training.
TEST = ("assignment", "calls", "numeric-types", "raise", "strings")
VALIDATION = ("attribute-access", "comparisons", "identifiers", "import")


def topics() -> dict[str, list[str]]:
    """{split: its topics in the order of their titles}, no paragraph twice among all of them."""
    return {split: list(texts.values()) for split, texts in titled_topics().items()}


def titled_topics() -> dict[str, dict[str, str]]:
    """{split: {title: text}}, in the order of the titles, no paragraph twice among all of them.

    A paragraph is what stands between empty lines.
    """
    import pydoc_data.topics

    texts = pydoc_data.topics.topics
    train = [title for title in sorted(texts) if title not in TEST + VALIDATION]
    seen: set[str] = set()
    return {
        split: {title: _once(texts[title], seen) for title in titles if title in texts}
        for split, titles in (("test", TEST), ("validation", VALIDATION), ("train", train))
    }


def _once(text: str, seen: set[str]) -> str:
    """The paragraphs that are not in `seen`, which gets them."""
    paragraphs = (paragraph.strip("\n").rstrip() for paragraph in text.split("\n\n"))
    fresh = [one for one in dict.fromkeys(paragraphs) if one and one not in seen]
    seen.update(fresh)
    return "\n\n".join(fresh) + "\n\n\n" if fresh else ""


class Builder(OwnBuilder):
    """Examples are topics, in their order; those of a split, joined, are its text."""

    name = "text"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = (tfds.core.BuilderConfig(name="python_docs"),)

    def about(self):
        return {"python": platform.python_version()}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(texts) for split, texts in topics().items()}

    def _generate_examples(self, texts):
        for index, text in enumerate(filter(None, texts)):
            yield index, {"text": text}

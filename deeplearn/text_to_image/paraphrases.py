"""Other words for what pictures of people show: does a generator know what a word means that it never learnt?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deeplearn.data import Dataset
from deeplearn.judge.combinations import has_parts
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.nn.functional import area_means

# {what somebody may say: the kind of OpenMoji that it names}
PARAPHRASES = {
    "pupil": "student",
    "educator": "teacher",
    "fire brigade member": "firefighter",
    "cop": "police officer",
    "software programmer": "technologist",
    "chef": "cook",
    "painter": "artist",
    "space traveller": "astronaut",
    "courtroom magistrate": "judge",
    "doctor": "health worker",
    "laboratory researcher": "scientist",
    "aircraft captain": "pilot",
    "vocalist": "singer",
    "private investigator": "detective",
    "wizard": "mage",
    "royal sentry": "guard",
    "agricultural labourer": "farmer",
    "builder": "construction worker",
    "welder": "factory worker",
    "car repairer": "mechanic",
    "business employee": "office worker",
    "king's daughter": "princess",
    "monarch": "with crown",
    "Father Christmas": "Santa Claus",
    "Dracula": "vampire",
    "living dead": "zombie",
    "caped crusader": "superhero",
    "evil villain": "supervillain",
    "pixie": "fairy",
    "newborn": "baby",
    "cherub": "baby angel",
    "hearing impaired": "deaf",
    "expecting a child": "pregnant",
    "jogging": "running",
    "strolling": "walking",
    "cyclist": "biking",
    "weightlifter": "lifting weights",
    "doing the front crawl": "swimming",
    "riding a wave": "surfing",
    "mountaineer": "climbing",
    "paddling a canoe": "rowing boat",
    "gymnast turning handsprings": "cartwheeling",
    "meditating": "in lotus position",
    "hairless": "bald",
    "ginger": "red hair",
    "fair-haired": "blond hair",
    "bride": "with veil",
    "wearing a dinner jacket": "in tuxedo",
    "shadow warrior": "ninja",
    "applause": "clapping hands",
}


def paraphrase_quality(draw: Callable[[Sequence[str]], np.ndarray], dataset: Dataset) -> dict[str, float]:
    """How often what is drawn for another word is of the kind that the word names, as its nearest picture says.

    draw: texts [N] -> pictures [N, side, side, C] in [0, 1]. Returns {"paraphrase_kind": fraction}, of the kinds
    that the data set has; nothing where pictures have no kinds.
    """
    if not has_parts(dataset):
        return {}
    kinds = list(dataset.about["kinds"])
    known = {text: kinds.index(kind) for text, kind in PARAPHRASES.items() if kind in kinds}
    if not known:
        return {}
    made, train = draw(list(known)), dataset.train.arrays()
    nearest = nearest_pictures(made, area_means(train["image"], made.shape[1]))
    return {"paraphrase_kind": float((train["kind"][nearest] == list(known.values())).mean())}

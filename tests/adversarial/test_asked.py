"""What words ask a conditional generator for."""

from types import SimpleNamespace

import pytest

from deeplearn.adversarial.asked import asked_for
from deeplearn.data.builders.emoji_names import PERSONS, TONES, combination, every_emoji
from deeplearn.errors import UserError

LETTERS = SimpleNamespace(
    name="letters", classes=("A", "Bee"), train=SimpleNamespace(spec={"image": 0, "label": 0})
)
KINDS = tuple(sorted({one.kind for one in every_emoji()}))
EMOJI = SimpleNamespace(
    name="openmoji",
    train=SimpleNamespace(spec=dict.fromkeys(("image", "label", "kind", "person", "tone"), 0)),
    about={"kinds": KINDS, "persons": PERSONS, "tones": TONES},
)


def test_a_class_by_its_name():
    assert asked_for("Bee", LETTERS) == (1,)


def test_every_emoji_is_what_its_name_says():
    for one in every_emoji():
        assert combination(one.english) == (one.kind, one.person, one.tone)


def test_a_combination_that_is_no_emoji():
    numbers = asked_for("woman santa claus: medium-dark skin tone", EMOJI)
    parts = (KINDS[numbers[0]], PERSONS[numbers[1]], TONES[numbers[2]])
    assert parts == ("Santa Claus", "woman", "medium_dark_skin")


@pytest.mark.parametrize(
    ("text", "dataset", "sentence"),
    [
        ("", LETTERS, "say what to make by --text, such as --text='A'"),
        (" ", EMOJI, "such as --text='woman judge: dark skin tone'"),
        ("bee", LETTERS, "has no class 'bee': did you mean 'Bee'"),
        ("?", LETTERS, "there are A, Bee"),
        ("woman juge", EMOJI, "names no kind of emoji: did you mean 'judge'"),
        ("judge: dark skin tone, dark skin tone", EMOJI, "one, or two that differ"),
    ],
)
def test_mistakes(text, dataset, sentence):
    with pytest.raises(UserError, match=sentence):
        asked_for(text, dataset)

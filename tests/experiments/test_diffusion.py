"""The scale of the diffusion experiment's noise for its images, and which images it cannot model."""

import pytest

from deeplearn.errors import UserError
from deeplearn.train.flags import parse
from experiments.text_to_image.diffusion import Config, build
from tests.experiments.pretend import pretend


@pytest.mark.parametrize(
    ("flags", "shape", "expected"),
    [
        ([], (8, 8, 1), 1.0),
        ([], (28, 20, 1), 3.5),
        (["--schedule=cosine"], (28, 28, 1), 1.0),
        (["--schedule=linear"], (32, 32, 3), 1.0),
        (["--noise_scale=2"], (28, 28, 1), 2.0),
        (["--paper"], (32, 32, 3), 1.0),
    ],
)
def test_log_normal_levels_grow_with_the_side_and_published_ones_stay(flags, shape, expected):
    assert parse(Config, flags).scale(shape) == expected


@pytest.mark.parametrize(
    ("dataset", "flags", "sentence"),
    [("mixture/grid", [], "no labelled images"), ("digits", ["--width=12"], "multiple of 8")],
)
def test_what_it_cannot_model_is_a_sentence_before_it_trains(dataset, flags, sentence):
    with pytest.raises(UserError, match=sentence):
        build(parse(Config, flags), pretend(dataset))

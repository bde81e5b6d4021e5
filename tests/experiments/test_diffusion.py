"""How loud the noise of the diffusion experiment is, by what it is given."""

import pytest

from deeplearn.train.launch import parse
from experiments.text_to_image.diffusion import Config, noise_scale


@pytest.mark.parametrize(
    ("flags", "shape", "expected"),
    [
        ([], (2,), 1.0),
        ([], (8, 8, 1), 1.0),
        ([], (28, 20, 1), 3.5),
        (["--schedule=cosine"], (28, 28, 1), 1.0),
        (["--schedule=linear"], (32, 32, 3), 1.0),
        (["--noise_scale=2"], (28, 28, 1), 2.0),
        (["--paper"], (32, 32, 3), 1.0),
    ],
)
def test_log_normal_levels_grow_with_the_side_and_published_ones_stay(flags, shape, expected):
    assert noise_scale(parse(Config, flags), shape) == expected

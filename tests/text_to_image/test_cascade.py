"""The flags of a cascade, whatever its first stage: what fits the data, and what is refused."""

import dataclasses

import pytest

from deeplearn.errors import UserError
from deeplearn.text_to_image.cascade import Cascade, need_cascade
from tests.experiments.pretend import pretend

TINY = dataclasses.replace(Cascade(), **Cascade.TINY)


@pytest.fixture(scope="module")
def dataset():
    return pretend("openmoji/people-16", 12)


@pytest.mark.parametrize(
    "changed",
    [{}, {"sides": (16,), "places": (8,)}, {"sides": (2, 4, 8, 16), "places": (1, 2, 4, 8)}],
)
def test_sides_that_divide_each_other_and_the_data_s_are_taken(dataset, changed):
    need_cascade(dataclasses.replace(TINY, **changed), dataset)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sides": ()}, "--sides should have a number for each stage"),
        ({"sides": (8, 4)}, "--sides=8,4 should rise"),
        ({"sides": (4, 6)}, "--sides=4,6 should rise"),
        ({"sides": (5, 10)}, "a divisor of 16, the side of the pictures"),
        ({"sides": (16, 32)}, "a divisor of 16, the side of the pictures"),
        ({"places": (4,)}, "--places should have a number for each of 2 stages"),
        ({"text_width": 12}, "--text_width=12 should be a multiple of 8"),
        ({"noised": 0.1, "noised_when_drawn": 0.2}, "--noised_when_drawn=0.2 is more than --noised=0.1"),
    ],
)
def test_what_does_not_fit_is_refused(dataset, changed, message):
    with pytest.raises(UserError, match=message):
        need_cascade(dataclasses.replace(TINY, **changed), dataset)

"""What is measured of changed pictures, where the changes are perfect or do nothing."""

import types

import numpy as np
import pytest

from deeplearn import data
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image import dalle2_uses

SIDE = 8
CONFIG = types.SimpleNamespace(sides=(SIDE, 16))


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


def small(rows):
    return area_means(rows["image"], SIDE)


def found_with(monkeypatch, emoji, **edits):
    perfect = {
        "variations": lambda trained, config, rows, count: np.stack([small(rows)] * count),
        "wider_variations": lambda trained, config, rows, count, dataset: np.stack(
            [np.roll(small(rows), 1, 0)] * count
        ),
        "completed": lambda trained, config, rows, visible: small(rows),
        "interpolated": lambda trained, config, rows, others, fractions: [small(rows)] * len(fractions),
        "turned": lambda trained, config, own, wanted, angles: [small(own)] * 3 + [small(wanted)],
    }
    for name, edit in (perfect | edits).items():
        monkeypatch.setattr(dalle2_uses, name, edit)
    rows = dalle2_uses.uses(None, emoji, CONFIG)
    return {name: row.metrics for name, row in rows.items()}


def test_perfect_changes_are_right_and_a_turn_that_does_nothing_is_not(monkeypatch, emoji):
    found = found_with(monkeypatch, emoji)
    again = found["variations"]
    assert again["kind"] == again["identity"] == 1 and again["varied"] == 0
    assert found["wider variations"]["identity"] < 0.5
    assert found["half hidden"]["identity"] == found["half way"]["kind"] == 1
    assert found["half way"]["sharpness"] == pytest.approx(1)
    assert found["half way in pixels"]["sharpness"] < 0.85
    turned = [found[f"tone turned by a text difference, θ = {theta}"] for theta in dalle2_uses.TURNS]
    assert [row["tone"] for row in turned] == [0, 0, 0, 1] and turned[3]["identity"] == 1


def test_variations_that_have_nothing_in_common_vary_as_much_as_pictures_do(monkeypatch, emoji):
    def others(trained, config, rows, count):
        return np.stack([np.roll(small(rows), n, axis=0) for n in range(count)])

    found = found_with(monkeypatch, emoji, variations=others)["variations"]
    assert found["varied"] == pytest.approx(1, abs=0.05) and found["identity"] < 0.5


def test_shapes_have_no_end_and_no_parts(monkeypatch, data_dir):
    """What has no parts has no kind that could stay, and no tone to be turned."""
    monkeypatch.setattr(dalle2_uses, "EDITED", 20)
    found = found_with(monkeypatch, data.load("shapes/32", data_dir))
    assert set(found) == {"variations", "wider variations", "half hidden", "half way", "half way in pixels"}
    assert set(found["half way"]) == {"sharpness"} and found["variations"]["place"] == 1

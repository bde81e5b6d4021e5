"""Plots: everything is in the picture, in its colour and at its place."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from deeplearn.figures import plots
from deeplearn.figures.style import PALETTE, REFERENCE_COLOUR


def where(picture, colour, tolerance=2):
    """Boolean [height, width]: which pixels have the colour."""
    difference = np.asarray(picture, int) - np.round(255 * np.array(to_rgb(colour)))
    return np.all(np.abs(difference) <= tolerance, axis=-1)


def columns_of(mask):
    return np.flatnonzero(mask.any(axis=0))


def rows_of(mask):
    return np.flatnonzero(mask.any(axis=1))


def test_curves_have_a_colour_each_and_follow_their_values():
    x = np.arange(10)
    picture = plots.curves({"up": (x, x), "down": (x, 9 - x)}, xlabel="step")
    assert picture.mode == "RGB" and picture.size == (900, 564)
    for colour, sign in ((PALETTE[0], 1), (PALETTE[1], -1)):
        mask = where(picture, colour)
        mask[:, columns_of(mask)[-1] - 200 :] = False  # the end may lie under the legend
        heights = [rows_of(mask[:, [column]]).mean() for column in columns_of(mask)]
        assert np.corrcoef(heights, range(len(heights)))[0, 1] * sign < -0.95  # rows count downwards


def test_no_axis_is_logarithmic_where_nothing_is_above_0(recwarn):
    plots.curves({"a": ([0, 0], [0.0, -1.0])}, log_x=True, log_y=True)
    assert not recwarn.list


def test_an_error_is_a_band_around_its_curve():
    x, y = np.arange(10), np.zeros(10)
    tinted = 0.2 * np.array(to_rgb(PALETTE[0])) + 0.8
    assert not where(plots.curves({"a": (x, y)}), tinted).any()
    band = rows_of(where(plots.curves({"a": (x, y, np.ones(10))}), tinted))
    line = rows_of(where(plots.curves({"a": (x, y, np.ones(10))}), PALETTE[0]))
    assert band.max() - band.min() > 300
    assert (band.max() + band.min()) / 2 == pytest.approx(line.mean(), abs=2)


def test_a_logarithmic_axis_makes_a_power_straight():
    x = np.logspace(0, 3, 50)
    mask = where(plots.curves({"a": (x, x**2)}, log_x=True, log_y=True), PALETTE[0])
    columns = columns_of(mask)
    heights = [rows_of(mask[:, [column]]).mean() for column in columns]
    assert np.abs(np.polyval(np.polyfit(columns, heights, 1), columns) - heights).max() < 3


def test_classes_of_a_latent_map_have_their_colours_places_and_names():
    labels = np.repeat([0, 4], 30)
    points = np.random.default_rng(0).normal(size=(60, 2)) + np.where(labels == 0, -9, 9)[:, None]
    named = plots.scatter(points, labels, classes=["cat", "", "", "", "dog"])
    assert columns_of(where(named, PALETTE[0], 40)).max() < columns_of(where(named, PALETTE[4], 40)).min()
    numbered = plots.scatter(points, labels)
    assert np.any(np.asarray(named) != np.asarray(numbered))


def test_the_reference_frames_the_samples():
    data = np.random.default_rng(1).uniform(-1, 1, (500, 2))
    inside = plots.scatter(data[:100], reference=data)
    assert where(inside, REFERENCE_COLOUR).sum() > 1000
    strays = np.concatenate([data[:100], [[50.0, 0.0], [np.nan, 0.0]]])
    outside = plots.scatter(strays, reference=data)
    spread = [np.ptp(columns_of(where(picture, REFERENCE_COLOUR))) for picture in (inside, outside)]
    assert spread[1] > 0.9 * spread[0]  # the far sample has not shrunk the data


def test_bars_are_as_long_as_their_values():
    picture = plots.bars({"one": 10.0, "half": (5.0, 0.5), "alone": (2.5, None)})
    mask = where(picture, PALETTE[0])
    lengths = mask.sum(axis=1)
    assert lengths.max() > 300
    # From top to bottom in the order given; the middle row of each third misses the error bar's ink.
    seen = [np.median(part[part > 0]) for part in np.array_split(lengths[: rows_of(mask).max() + 1], 3)]
    np.testing.assert_allclose(np.array(seen) / seen[0], [1, 0.5, 0.25], atol=0.02)


def test_an_error_is_written_beside_its_bar():
    pictures = [plots.bars({"a": value}) for value in (5.0, (5.0, None), (5.0, 0.5))]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert np.any(np.asarray(pictures[0]) != np.asarray(pictures[2]))


def test_bubbles_are_ranked_and_as_large_as_their_areas():
    picture = plots.bubbles({"least": (0.2, None, 4.0), "best": (0.9, 0.05, 1.0), "middle": (0.5, None, 2.0)})
    colour = 0.5 * np.array(to_rgb(PALETTE[0])) + 0.5  # half transparent on white
    mask = where(picture, colour)
    found = [part for part in np.array_split(mask[: rows_of(mask).max() + 1], 3)]
    areas = [part.sum() for part in found]
    np.testing.assert_allclose(np.array(areas) / areas[0], [1, 2, 4], rtol=0.25)  # their points cover a little
    best, middle, least = (columns_of(part).mean() for part in found)
    assert (best - middle) / (middle - least) == pytest.approx(0.4 / 0.3, rel=0.05)


def test_a_heat_map_has_its_cells_in_order():
    values = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, 6.0]])
    picture = plots.heat_map(values, ["a", "b"], ["x", "y", "z"])
    colours = matplotlib.colormaps["cividis"](values / 6)[..., :3]
    centres = {}
    for index in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2)):
        mask = where(picture, colours[index])
        mask[:, int(0.85 * picture.width) :] = False  # the colour bar
        assert mask.sum() > 500
        centres[index] = (np.median(np.nonzero(mask)[0]), np.median(np.nonzero(mask)[1]))
    assert centres[0, 0][0] == pytest.approx(centres[0, 2][0], abs=4)
    assert centres[0, 0][1] < centres[0, 1][1] < centres[0, 2][1]
    assert centres[1, 0][0] - centres[0, 0][0] > 30
    assert centres[1, 2][1] == pytest.approx(centres[0, 2][1], abs=4)
    missing = np.asarray(picture)[int(centres[1, 0][0]), int(centres[0, 1][1])]
    assert missing.min() == 255


def test_a_large_table_has_no_numbers_and_no_larger_a_picture(monkeypatch):
    monkeypatch.setattr(plots, "CELLS", 3)
    names = [f"id {n}" for n in range(8)]
    small, large, larger = (plots.heat_map(np.ones((n, n)), names[:n], names[:n]) for n in (3, 7, 8))
    assert where(small, "white").any() and large.size == larger.size
    assert large.height == small.height and large.width < small.width  # cells have no room for numbers


@pytest.mark.parametrize("name", ["$x_1", "a^b_{c$", "$\\frac{1}$", "two\nlines", "猫と犬", "long " * 60, ""])
def test_any_name_can_be_drawn_without_a_warning(name, recwarn):
    line = (np.arange(3), np.arange(3))
    plots.curves({name: line, "other": line}, name, name, name)
    plots.scatter(np.eye(2), np.array([0, 1]), [name, "other"])
    plots.bars({name: 1.0})
    plots.bubbles({name: (1.0, None, 1.0)})
    plots.heat_map(np.eye(2), [name, "other"], [name, "other"])
    assert not recwarn


def test_samples_over_data_that_are_one_point_are_drawn_without_a_warning(recwarn):
    plots.scatter(np.random.default_rng(0).normal(size=(9, 2)), reference=np.ones((5, 2)))
    assert not recwarn


def test_matplotlibs_own_settings_and_pyplot_are_left_alone():
    before = dict(matplotlib.rcParams)
    plots.bars({"a": 1.0})
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []

"""Translation without a network: histograms agree after matching; the nearest is one of the target's pictures."""

import numpy as np

from deeplearn.baselines.picture_translators import in_channels, matched, picture_translators
from deeplearn.data import Arrays, Dataset
from deeplearn.measured import Measured

RNG = np.random.default_rng(0)


def test_what_is_a_function_of_the_level_is_undone():
    """y = x² in each channel: the histograms say so, whatever the order of the pictures."""
    source = RNG.uniform(size=(50, 16, 16, 2)).astype(np.float32)
    target = RNG.permutation(source.ravel()).reshape(source.shape) ** np.array([2, 0.5], np.float32)
    expected = source ** np.array([2, 0.5], np.float32)
    assert np.abs(matched(source, source, target) - expected).mean() < 0.01


def test_black_and_white_stay_so():
    """A third of the source is white, and half of the target."""
    source, target = np.zeros((2, 1, 6, 6, 1), np.float32)
    source[:, :2], target[:, :3] = 1, 1
    np.testing.assert_allclose(matched(source, source, target), source, atol=0.01)


def test_each_method_translates_the_source_of_test():
    target = RNG.uniform(size=(6, 4, 4, 3)).astype(np.float32)
    grey = target.mean(-1, keepdims=True)
    split = Arrays({"source": grey, "target": target[::-1].copy()})
    dataset = Dataset("pairs", split, split, split)
    rows = {row: made().arrays["made"] for row, made in picture_translators(dataset, kept).items()}
    np.testing.assert_array_equal(rows["identity"], np.repeat(grey, 3, -1))
    distances = np.square(rows["identity"][:, None] - target[None]).sum((2, 3, 4))
    np.testing.assert_array_equal(
        rows["nearest neighbour in the target's training set"], target[distances.argmin(1)]
    )
    assert rows["histogram matching"].shape == target.shape


def kept(made):
    return Measured({}, {"made": made})


def test_channels():
    colour = RNG.uniform(size=(2, 3, 3, 3))
    np.testing.assert_allclose(in_channels(colour, 1)[..., 0], colour.mean(-1))
    assert in_channels(colour, 3) is colour

"""Our own data sets: sizes, contents, and that preparing them again gives the same."""

import hashlib

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import NAMES, OWN, glyphs, mixture, ratings, stacked_glyphs
from deeplearn.errors import UserError

SIZES = {
    "colours/photographs": (1350, 52, 104),
    "digits": (1097, 200, 500),
    "domains/photographs": (3291, 200, 500),
    "glyphs": (13 * 47 * 24, 3 * 47 * 24, 5 * 47 * 24),
    "mixture/grid": (100_000, 10_000, 10_000),
    "mixture/ring": (100_000, 10_000, 10_000),
    "ratings": (60_000, 5_000, 10_000),
    "stacked_glyphs": (20_000, 2_000, 10_000),
    "series/co2": (316, 105, 105),
    "series/sunspots": (185, 62, 62),
    "tables/breast_cancer": (341, 114, 114),
    "tables/diabetes": (266, 88, 88),
    "tables/wine": (106, 36, 36),
    "unpaired/fonts": (1128, 188, 188),
}
# Those that take long to draw; prepared by `make test-all` alone.
DRAWN = {
    "domains/day": (3000, 500, 1000),
    "domains/dejavu": (4512, 1128, 1692),
    "domains/night": (3000, 500, 1000),
    "domains/other_fonts": (3384, 846, 1269),
    "domains/type": (3360, 840, 1260),
    "outlines/emoji": (1309, 183, 373),
    "outlines/glyphs": (13 * 47 * 8, 3 * 47 * 8, 5 * 47 * 8),
    "unpaired/skin_tones": (115, 16, 66),
}

# sha256 of the decoded arrays. A change here is a change of every published number: raise the version.
GOLDEN = {
    "digits": "90ac7638301369a5",
    "mixture/grid": "63bc96a618c4772f",
    "mixture/ring": "a06e899c10013fa8",
    "ratings": "971aab8dbc222be7",
    "series/co2": "2770c0a60a526c45",
    "series/sunspots": "6be39563eb0e497b",
    "tables/breast_cancer": "a699d6115ca902d6",
    "tables/diabetes": "266c8662092ceeea",
    "tables/wine": "9018a4bb6c518d8f",
}


def splits(dataset):
    return dataset.train, dataset.validation, dataset.test


def digest(dataset) -> str:
    sha = hashlib.sha256()
    for split in splits(dataset):
        for key, value in sorted(split.arrays().items()):
            sha.update(f"{key} {value.dtype} {value.shape}".encode())
            sha.update(np.ascontiguousarray(value).tobytes())
    return sha.hexdigest()[:16]


def test_all_but_those_of_texts_are_covered_here():
    assert set(SIZES) | set(DRAWN) == {name for name in NAMES if not OWN[name.partition("/")[0]].form}


@pytest.mark.parametrize("name", [*SIZES, *[pytest.param(name, marks=pytest.mark.slow) for name in DRAWN]])
def test_sizes_and_dtypes(name, data_dir):
    dataset = data.load(name, data_dir)
    assert dataset.name == name
    assert tuple(map(len, splits(dataset))) == (SIZES | DRAWN)[name]
    for split in splits(dataset):
        for key, value in split.arrays().items():
            assert value.dtype == (np.int32 if key in ("label", "font", "user_id", "movie_id") else np.float32)
            assert np.isfinite(value).all()


@pytest.mark.parametrize("name", GOLDEN)
def test_preparation_is_deterministic(name, tmp_path):
    assert digest(data.load(name, tmp_path)) == GOLDEN[name]
    assert digest(data.load(name, tmp_path)) == GOLDEN[name]  # now from the decoded arrays


@pytest.mark.parametrize("name", ["digits", "tables/wine", "tables/breast_cancer"])
def test_splits_are_stratified(name, data_dir):
    dataset = data.load(name, data_dir)
    counts = [np.bincount(split.arrays()["label"], minlength=len(dataset.classes)) for split in splits(dataset)]
    total = sum(counts)
    for count in counts:
        assert np.abs(count - total * count.sum() / total.sum()).max() <= 2


def test_digits_are_scikit_learns(data_dir):
    from sklearn.datasets import load_digits

    dataset = data.load("digits", data_dir)
    assert (dataset.levels, dataset.classes) == (17, tuple("0123456789"))
    ours = np.concatenate([split.arrays()["image"].reshape(-1, 64) for split in splits(dataset)])
    theirs = load_digits().data / 16
    np.testing.assert_array_equal(sorted(map(tuple, ours)), sorted(map(tuple, theirs)))  # so: disjoint


def test_tables_keep_features_with_their_answers(data_dir):
    from sklearn.datasets import load_diabetes

    dataset = data.load("tables/diabetes", data_dir)
    table = load_diabetes()
    assert dataset.about["feature_names"] == tuple(table.feature_names)
    assert dataset.classes == ()
    answers = {tuple(row): target for row, target in zip(np.float32(table.data), table.target, strict=True)}
    for split in splits(dataset):
        rows = split.arrays()
        assert [answers[tuple(row)] for row in rows["features"]] == rows["target"].tolist()


@pytest.mark.parametrize("name, modes, sigma", [("mixture/grid", 25, 0.05), ("mixture/ring", 8, 0.01)])
def test_mixture_has_the_moments_of_its_density(name, modes, sigma, data_dir):
    dataset = data.load(name, data_dir)
    means = dataset.about["means"]
    assert dataset.about["sigma"] == sigma
    assert len(np.unique(means.round(6), axis=0)) == modes
    points, labels = (dataset.train.arrays()[key] for key in ("point", "label"))
    counts = np.bincount(labels, minlength=modes)
    np.testing.assert_allclose(counts, 1e5 / modes, atol=5 * np.sqrt(1e5 / modes))
    for mode in range(modes):
        standard = (points[labels == mode] - means[mode]) / sigma  # N(0, I)
        error = 1 / np.sqrt(len(standard))
        np.testing.assert_allclose(standard.mean(axis=0), 0, atol=5 * error)
        np.testing.assert_allclose(np.cov(standard.T), np.eye(2), atol=8 * error)
    distance = np.linalg.norm(points - means[labels], axis=1)
    # The radius of a 2-D Gaussian is Rayleigh: within 3σ lie 1 - exp(-9/2).
    assert np.mean(distance < 3 * sigma) == pytest.approx(1 - np.exp(-4.5), abs=5 * np.sqrt(0.011 / 1e5))


def test_stacked_glyphs_are_three_digits_of_the_glyphs(data_dir):
    dataset = data.load("stacked_glyphs", data_dir)
    assert dataset.classes == tuple(f"{label:03d}" for label in range(1000))
    digits, count = stacked_glyphs.single(glyphs.FONTS["test"][:1]), 40
    whole = glyphs.render(glyphs.Pen(glyphs.FONTS["test"][0]), 3)["image"][7, ..., 0].astype(float)
    averaged = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4
    np.testing.assert_array_equal(digits[7, 3], averaged.round())
    images, labels = stacked_glyphs.stacked(digits, count, np.random.default_rng(0))
    for image, label in zip(images, labels, strict=True):
        for channel, digit in enumerate(f"{label:03d}"):
            assert (digits[int(digit)] == image[..., channel]).all((1, 2)).any()
    labels = np.concatenate([split.arrays()["label"] for split in splits(dataset)])
    counts = np.bincount(labels, minlength=1000)
    np.testing.assert_allclose(counts, 32, atol=6 * np.sqrt(32))


def test_mixture_means_by_the_papers_formulas():
    angles = np.arctan2(*mixture.means("ring").T[::-1]) % (2 * np.pi)
    np.testing.assert_allclose(np.sort(angles), np.arange(8) * np.pi / 4, atol=1e-12)
    assert {tuple(mean) for mean in mixture.means("grid")} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


def test_glyphs_hold_out_whole_fonts(data_dir):
    dataset = data.load("glyphs", data_dir)
    assert dataset.classes == tuple(glyphs.CHARACTERS)
    assert len(dataset.classes) == len(set(dataset.classes)) == 47
    fonts = [set(split.arrays()["font"].tolist()) for split in splits(dataset)]
    assert [len(some) for some in fonts] == [13, 3, 5]
    assert set.union(*fonts) == set(range(21))
    names = dataset.about["fonts"]
    assert {names[font] for font in fonts[2]} == set(glyphs.FONTS["test"])
    for split in splits(dataset):
        assert len(set(np.bincount(split.arrays()["label"]))) == 1


@pytest.mark.parametrize("font", ["DejaVuSans-Bold", "STIXGeneralItalic", "cmr10"])
def test_glyphs_are_whole_and_lie_where_their_factors_say(font):
    pen = glyphs.Pen(font)
    records = [glyphs.render(pen, variant) for variant in range(glyphs.VARIANTS)]
    examples = {key: np.concatenate([record[key] for record in records]) for key in records[0]}
    image = examples["image"][..., 0]
    ink = image > 0
    # Nothing is cut off: the rim is black.
    assert not ink[:, [0, -1]].any() and not ink[:, :, [0, -1]].any()
    assert ink.any(axis=(1, 2)).all()
    # The bounding box, its longer side 20 · scale, is centred on the shift.
    for axis, key in ((1, "shift_y"), (2, "shift_x")):
        along = ink.any(axis=3 - axis)
        low, high = along.argmax(axis=1), 28 - along[:, ::-1].argmax(axis=1)
        np.testing.assert_allclose((low + high) / 2 - 14, examples[key], atol=1.1)
    rows, columns = ink.any(axis=2).sum(axis=1), ink.any(axis=1).sum(axis=1)
    np.testing.assert_allclose(np.maximum(rows, columns), 20 * examples["scale"], atol=2.6)


def test_glyphs_lean_right_when_the_slant_is_positive():
    pen = glyphs.Pen("DejaVuSans")
    upright = {"scale": 1.0, "shift_x": 0.0, "shift_y": 0.0, "weight": 0.0}
    columns = np.arange(28)

    def lean(slant):
        image = pen.draw("I", slant=slant, **upright)[..., 0].astype(float)
        top, bottom = image[5:9].sum(axis=0), image[19:23].sum(axis=0)
        return (columns @ top / top.sum() - columns @ bottom / bottom.sum()) / 14

    for slant in (-0.3, 0.0, 0.3):
        assert lean(slant) == pytest.approx(slant, abs=0.03)


def test_glyphs_get_heavier_with_weight():
    pen = glyphs.Pen("cmr10")
    same = {"slant": 0.1, "scale": 1.0, "shift_x": 0.0, "shift_y": 0.0}
    ink = [int(pen.draw("E", weight=weight / glyphs.POINTS, **same).sum()) for weight in range(4)]
    assert ink == sorted(set(ink))


def test_glyphs_render_the_same_twice():
    first, again = (glyphs.render(glyphs.Pen("cmtt10"), 5) for _ in range(2))
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    assert (glyphs.render(glyphs.Pen("cmtt10"), 6)["image"] != first["image"]).any()


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("tables", "tables is several data sets: choose one of tables/breast_cancer, "),
        ("mixture/square", "mixture has no variant 'square': choose one of mixture/grid, mixture/ring"),
        ("digits/big", "digits has no variants: say digits"),
        ("digits@16", "digits has one size of its own: leave out @16"),
    ],
)
def test_mistakes_are_explained(name, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        data.load(name, tmp_path)


def test_bare_mixture_is_the_grid(data_dir):
    assert data.load("mixture", data_dir).name == "mixture/grid"


def test_ratings_are_of_users_who_rate_a_film_once_and_their_noise_is_known(data_dir):
    dataset = data.load("ratings", data_dir)
    parts = [split.arrays() for split in splits(dataset)]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    assert len(np.unique(500 * columns["user_id"] + columns["movie_id"])) == 75_000
    assert np.bincount(columns["user_id"]).min() >= 20 and len(np.bincount(columns["user_id"])) == 1500
    assert set(columns["user_rating"].tolist()) == {half / 2 for half in range(1, 11)}
    # An expectation is right on average, whatever it is, and no function of it does better.
    error = columns["user_rating"] - columns["expected_rating"]
    for part in np.array_split(np.argsort(columns["expected_rating"]), 10):
        assert abs(error[part].mean()) < 5 * error[part].std() / np.sqrt(len(part))
    drawn = np.round(2 * (3.3 + ratings.NOISE * np.random.default_rng(0).normal(size=200_000))) / 2
    assert ratings.expected_rating(np.array(3.3)) == pytest.approx(drawn.clip(0.5, 5).mean(), abs=5e-3)

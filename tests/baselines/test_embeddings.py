"""The quality of codes, where it is known."""

import numpy as np
import pytest

from deeplearn.baselines.embeddings import embedding_quality, embeddings, t_sne
from deeplearn.errors import UserError


@pytest.fixture(name="clusters")
def three_clusters():
    rng = np.random.default_rng(0)
    label = np.arange(90) % 3
    return 20 * np.eye(5)[label] + rng.normal(size=(90, 5)), label


def test_codes_that_are_the_data_lose_nothing(clusters):
    x, label = clusters
    found = embedding_quality(x, x, label)
    assert found == {name: pytest.approx(1) for name in found} and len(found) == 4


def test_codes_that_are_noise_keep_nothing(clusters):
    x, label = clusters
    found = embedding_quality(x, np.random.default_rng(1).normal(size=(90, 2)), label)
    assert found["knn_accuracy"] < 0.55 and found["trustworthiness"] < 0.6
    assert abs(found["rand_index"]) < 0.1 and found["mutual_information"] < 0.1


def test_rows_hold_the_codes_that_they_measure(clusters):
    x, label = clusters
    rows = {name: thunk() for name, thunk in embeddings(x, label).items()}
    assert list(rows) == ["pixels", "t-SNE"]
    assert rows["t-SNE"].arrays["codes"].shape == (90, 2) and rows["t-SNE"].metrics["knn_accuracy"] > 0.9
    for row in rows.values():
        assert row.metrics == embedding_quality(x, row.arrays["codes"], label)


def test_a_point_is_no_neighbour_of_its_own():
    """Labels alternate along a line: three of five neighbours have the other label, if the point itself does not
    count."""
    code = np.arange(40.0)[:, None]
    assert embedding_quality(code, code, np.arange(40) % 2)["knn_accuracy"] < 0.5


@pytest.mark.parametrize("examples", [3, 4, 10])
def test_few_examples_have_fewer_neighbours(clusters, examples):
    x, label = clusters
    found = embedding_quality(x[:examples], x[:examples], label[:examples])
    assert found["trustworthiness"] == 1 and t_sne(x[:examples].astype(np.float32)).shape == (examples, 2)


def test_equal_images_have_no_map_and_no_warning(recwarn):
    x, label = np.full((6, 4), 0.5), np.arange(6) % 3
    with pytest.raises(UserError, match="all rows are equal"):
        t_sne(x)
    with pytest.raises(UserError, match="all rows are equal"):
        t_sne(x + np.random.default_rng(0).normal(scale=1e-8, size=x.shape))
    assert np.isfinite(list(embedding_quality(x, x, label).values())).all() and not recwarn

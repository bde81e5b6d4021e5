"""The mixture of Bernoullis against enumeration, and on data whose answer is known."""

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from deeplearn.baselines import bernoulli_mixture as mixture
from deeplearn.data import Arrays, Dataset
from deeplearn.metrics.bounds import bits_per_dim

WEIGHTS = np.array([0.2, 0.5, 0.3])
PROBABILITIES = np.array([[0.9, 0.1, 0.9, 0.1, 0.5], [0.1, 0.1, 0.2, 0.9, 0.9], [0.6, 0.95, 0.05, 0.4, 0.1]])
MODEL = mixture.BernoulliMixture(np.log(WEIGHTS), PROBABILITIES)


def every_binary_vector(dimensions):
    return np.array(list(itertools.product([0, 1], repeat=dimensions)))


def draw(generator, number):
    components = generator.choice(3, number, p=WEIGHTS)
    return (generator.random((number, 5)) < PROBABILITIES[components]).astype(int)


@pytest.fixture(name="digits", scope="module")
def binary_digits():
    x, y = load_digits(return_X_y=True)
    return train_test_split((x > 8).astype(float), test_size=500, stratify=y, random_state=0)


def test_probabilities_of_all_vectors_agree_with_enumeration_and_sum_to_one():
    vectors = every_binary_vector(5)
    expected = [
        sum(
            weight * np.prod([p if bit else 1 - p for p, bit in zip(row, vector, strict=True)])
            for weight, row in zip(WEIGHTS, PROBABILITIES, strict=True)
        )
        for vector in vectors
    ]
    found = np.exp(mixture.log_likelihood(vectors, MODEL))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.sum() == pytest.approx(1, abs=1e-12)


def test_a_fitted_model_is_normalised():
    model = mixture.fit(draw(np.random.default_rng(0), 200), 4, seed=0)
    assert np.exp(model.log_weights).sum() == pytest.approx(1, abs=1e-12)
    assert np.exp(mixture.log_likelihood(every_binary_vector(5), model)).sum() == pytest.approx(1, abs=1e-12)


def test_em_never_falls(digits):
    x = digits[0][:300]
    generator = np.random.default_rng(1)
    model = mixture.BernoulliMixture(np.full(6, -np.log(6)), generator.uniform(0.3, 0.7, (6, 64)))
    climb = []
    for _ in range(40):
        climb.append(mixture.log_posterior(x, model))
        model = mixture.em_step(x, model)
    assert np.all(np.diff(climb) > -1e-8)
    assert climb[-1] - climb[0] > 1000


def test_one_component_has_a_closed_form():
    x = draw(np.random.default_rng(2), 50)
    model = mixture.em_step(x, mixture.BernoulliMixture(np.zeros(1), np.full((1, 5), 0.3)))
    expected = (x.sum(0) + mixture.PSEUDO_COUNT) / (50 + 2 * mixture.PSEUDO_COUNT)
    np.testing.assert_allclose(model.probabilities[0], expected, rtol=1e-12)


def test_em_converges_to_a_maximum_of_the_posterior():
    """So `log_posterior` and `em_step` use the same prior, for the probabilities and the weights."""
    x = draw(np.random.default_rng(2), 50)
    model = mixture.fit(x, 2, seed=0, iterations=2000, restarts=1)
    (first, second), peak = np.exp(model.log_weights), mixture.log_posterior(x, model)
    for step in (-1e-4, 1e-4):
        weights = np.log([first + step, second - step])
        assert mixture.log_posterior(x, model._replace(log_weights=weights)) < peak
        probabilities = model.probabilities + step
        assert mixture.log_posterior(x, model._replace(probabilities=probabilities)) < peak


def test_finds_the_mixture_that_made_the_data():
    generator = np.random.default_rng(3)
    train, test = draw(generator, 5000), draw(generator, 5000)
    model = mixture.fit(train, 3, seed=0, restarts=2)
    loss = mixture.log_likelihood(test, MODEL).mean() - mixture.log_likelihood(test, model).mean()
    assert loss < 0.005  # about 17 parameters / (2 · 5000) nats
    order = np.argsort(model.log_weights)
    np.testing.assert_allclose(np.exp(model.log_weights)[order], [0.2, 0.3, 0.5], atol=0.05)
    np.testing.assert_allclose(model.probabilities[order], PROBABILITIES[[0, 2, 1]], atol=0.1)


def test_the_seed_decides(digits):
    x = digits[0][:200]
    first, again, other = (mixture.fit(x, 5, seed, iterations=5, restarts=1) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    assert not np.array_equal(first.probabilities, other.probabilities)


def test_restarts_keep_the_best(digits):
    x = digits[0][:200]
    reached = [
        mixture.log_posterior(x, mixture.fit(x, 5, 0, iterations=10, restarts=restarts)) for restarts in range(1, 6)
    ]
    assert reached == sorted(reached) and reached[0] < reached[-1]


@pytest.mark.parametrize(("components", "nll"), [(1, 24.61), (10, 19.56)])
def test_digits_have_their_known_likelihood(digits, components, nll):
    """Local measurements by another implementation, over one split of 1297/500."""
    train, test = digits
    model = mixture.fit(train, components, seed=0, iterations=50, restarts=1)
    assert -mixture.log_likelihood(test, model).mean() == pytest.approx(nll, abs=0.15)


def test_the_size_is_chosen_on_validation(digits):
    train, held_out = digits
    # Fifty components memorise so few examples; one is too simple.
    model = mixture.fit_best(train[:60], held_out, [1, 5, 50], seed=0)
    assert len(model.log_weights) == 5


def test_rows_have_names_that_do_not_depend_on_the_fit(digits):
    train, held_out = ({"image": x.reshape(-1, 8, 8, 1)} for x in digits)
    dataset = Dataset("digits", Arrays(train), Arrays(held_out), Arrays(held_out))
    rows = mixture.bernoulli_mixtures(dataset, lambda image: image > 0.5, sizes=(1, 5, 50), limit=60)
    assert list(rows) == ["independent Bernoullis", "mixture of Bernoullis"]
    one, best = (thunk().metrics for thunk in rows.values())
    assert one["components"] == 1 and best["components"] == 5
    expected = -mixture.log_likelihood(digits[1], mixture.fit(digits[0][:60], 5, seed=0)).mean()
    assert best["nll"] == pytest.approx(expected)
    assert best["bits_per_dim"] == pytest.approx(bits_per_dim(expected, 64))
    # Of three images there are no five different components.
    few = mixture.bernoulli_mixtures(dataset, lambda image: image > 0.5, sizes=(5, 50), limit=3)
    assert few["mixture of Bernoullis"]().metrics["components"] == 1

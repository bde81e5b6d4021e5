"""The autoregressive prior: codes and back, no code knows a later one, drawing follows the logits."""

import jax
import numpy as np
import pytest

from deeplearn.models.autoregressive_prior import AutoregressivePrior, principal_components

PRIOR = AutoregressivePrior(9, 3, features=6, components=4, levels=16, width=8, layers=1, heads=2)
RNG = np.random.default_rng(0)
VECTORS = (RNG.normal(size=(50, 6)) * [5, 4, 3, 2, 0.1, 0.1] + 1).astype(np.float32)
TOKENS = np.array([[2, 5, 3], [2, 3, 0]])


@pytest.fixture(scope="module")
def variables():
    components = principal_components(VECTORS, RNG.normal(size=50).astype(np.float32), 4, 16)
    params = PRIOR.init(jax.random.key(0), VECTORS[:2], VECTORS[:2], TOKENS)["params"]
    params = jax.tree.map(lambda x: x + 0.2 * RNG.normal(size=x.shape).astype(np.float32), params)
    return {"params": params, "components": components}


def test_components_are_those_of_scikit_learn(variables):
    from sklearn.decomposition import PCA

    pca = PCA(4).fit(VECTORS)
    found = variables["components"]
    np.testing.assert_allclose(np.abs(found["directions"]), np.abs(pca.components_), atol=1e-4)
    np.testing.assert_allclose(found["mean"], pca.mean_, atol=1e-5)


def test_codes_and_back_differ_by_half_a_level_and_what_no_component_has(variables):
    codes = PRIOR.apply(variables, VECTORS, method="coded")
    again = PRIOR.apply(variables, codes, method="decoded")
    found = variables["components"]
    along, there = ((x - found["mean"]) @ found["directions"].T for x in (VECTORS, again))
    half = (found["high"] - found["low"]) / 32
    assert (np.abs(along - there) <= half * 1.01).all() and codes.min() == 0 and codes.max() == 15
    np.testing.assert_array_equal(PRIOR.apply(variables, again, method="coded"), codes)


def test_no_code_knows_itself_or_a_later_one(variables):
    """Those before a changed component keep their logits, those after change."""
    other = VECTORS[:2] + 3 * np.asarray(variables["components"]["directions"][1])
    # The cosine is a code of its own, before all others: it is kept as it was by a caption at right angles.
    text = np.linalg.svd(np.asarray(variables["components"]["directions"][1])[None])[2][-1:].repeat(2, 0)
    (one, codes), (two, codes_two) = (PRIOR.apply(variables, x, text, TOKENS) for x in (VECTORS[:2], other))
    assert (codes != codes_two)[:, 1].all() and (codes == codes_two)[:, [0, 2, 3]].all()
    gap = np.abs(one - two).max((0, 2))
    assert gap[:2].max() < 1e-5 < 1e-3 < gap[2:].min()


def test_draws_have_the_probabilities_of_the_logits(variables):
    """Of the first two codes of 4000 draws for one caption, given the cosine's code, by the logits all at once."""
    rows = 4000
    text, tokens = np.repeat(VECTORS[:1], rows, 0), np.repeat(TOKENS[:1], rows, 0)
    # One upper cosine alone, so that the prefix is one for all rows.
    drawn = jax.jit(lambda key: PRIOR.apply(variables, text, tokens, method="draw", rngs={"noise": key}))(
        jax.random.key(0)
    )
    codes = np.asarray(PRIOR.apply(variables, drawn, method="coded"))
    expected = np.zeros(16)
    for cosine in range(8, 16):
        logits = PRIOR.apply(variables, text[:1], tokens[:1], np.array([cosine]), method=first_logits)
        expected += np.asarray(jax.nn.softmax(logits[0])) / 8
    seen = np.bincount(codes[:, 0], minlength=16) / rows
    assert np.abs(seen - expected).max() < 4 * np.sqrt(0.25 / rows)


def first_logits(prior, text, tokens, cosine):
    """Of the first code, by the whole sequence at once and not by the cache."""
    import jax.numpy as jnp

    x = jnp.concatenate([prior._prefix(text, tokens), prior.codes(cosine[:, None])], axis=1)
    return prior.out(prior.decoder(prior.positions(x), False)[:, -1])

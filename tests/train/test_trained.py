"""A trained model that is applied to many rows, block by block."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.train.trained import Trained


class Scale(nn.Module):
    def setup(self):
        self.layer = nn.Dense(3)


X = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)


def layer_output(model, x, power=1):
    return model.layer(x) ** power


def two_outputs(model, batch):
    return {"sum": batch["x"].sum(-1) + 0 * model.layer(batch["x"]).sum(-1), "y": batch["y"]}


def rows_and_mean(model, batch):
    rows = len(batch["x"])
    return {"rows": rows, "mean": batch["x"].mean(), "half": jnp.bfloat16(0.5)}


def noise(model, x):
    return jax.random.normal(model.make_rng("noise"), (len(x),))


def noise_mean(model, x):
    return {"noise": noise(model, x).mean()}


@pytest.fixture(name="trained")
def with_random_weights():
    generator = np.random.default_rng(1)
    kernel, bias = (generator.normal(size=shape).astype(np.float32) for shape in ((2, 3), (3,)))
    return Trained(Scale(), {"params": {"layer": {"kernel": kernel, "bias": bias}}}, jax.random.key(0))


def expected(trained):
    layer = trained.variables["params"]["layer"]
    return X @ layer["kernel"] + layer["bias"]


def test_functions_see_the_bound_model(trained):
    np.testing.assert_allclose(trained(layer_output, X), expected(trained), rtol=1e-5)
    np.testing.assert_allclose(trained(layer_output, X, power=2), expected(trained) ** 2, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 5, 10, 100])
def test_over_blocks_equals_the_whole(trained, size):
    found = trained.over(layer_output, X, size=size, power=2)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected(trained) ** 2, rtol=1e-5)


def test_over_keeps_the_structure_of_arrays_and_results(trained):
    batch = {"x": X, "y": np.arange(10)}
    found = trained.over(two_outputs, batch, size=4)
    np.testing.assert_allclose(found["sum"], X.sum(-1), rtol=1e-5)
    np.testing.assert_array_equal(found["y"], np.arange(10))


def test_means_weigh_blocks_by_their_rows(trained):
    found = trained.mean(rows_and_mean, {"x": X}, size=4)
    assert found["mean"] == pytest.approx(X.mean(), rel=1e-5)
    assert found["rows"] == pytest.approx((4 * 4 + 4 * 4 + 2 * 2) / 10)
    assert found["half"] == 0.5 and all(type(value) is float for value in found.values())


def test_each_block_has_its_own_random_numbers(trained):
    found = trained.over(noise, X, size=5)
    assert len(set(found.tolist())) == 10
    np.testing.assert_array_equal(found, trained.over(noise, X, size=5))
    assert not np.any(found == trained.folded(1).over(noise, X, size=5))
    assert trained.mean(noise_mean, X, size=5)["noise"] == pytest.approx(found.mean(), rel=1e-5)


def test_each_function_is_compiled_once_for_its_shapes_and_constants(trained):
    traces = []

    def output(model, x, power=1):
        traces.append((x.shape, power))
        return model.layer(x) ** power

    other = jax.tree.map(lambda leaf: leaf + 1, trained.variables)
    for each in (trained, trained.folded(1), Trained(Scale(), other, jax.random.key(5))):
        for _ in range(2):
            each.over(output, X, size=4)  # blocks of 4, 4 and 2
            each(output, X, power=3)
    assert sorted(traces) == [((2, 2), 1), ((4, 2), 1), ((10, 2), 3)]


def test_weights_of_another_program_are_told_in_a_sentence():
    model = Scale()
    variables = model.init(jax.random.key(0), X[:, :1], method=layer_output)
    with pytest.raises(UserError, match=r"not of these networks .*kernel.*: put back the program"):
        Trained(model, variables, jax.random.key(0))(layer_output, X)

"""Grouped, depthwise, separable and transposed convolution: form against form, and against torch."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn import depthwise, grouped, transposed
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.separable import SeparableConv, SpatiallySeparableConv
from deeplearn.nn.transposed import TransposedConv, _Geometry
from deeplearn.nn.windows import windows
from tests.nn.layer_checks import assert_one_function, golden, normal, value_and_gradients


def assert_torch(module, case, layout):
    """Value and gradients in x, kernel and bias; `layout` takes torch's weight to ours."""
    expected = golden(case)
    params = {"kernel": layout(expected["w"]), "bias": expected["b"]}
    shapes = jax.eval_shape(module.init, jax.random.key(0), expected["x"])["params"]
    assert jax.tree.map(lambda leaf: leaf.shape, shapes) == jax.tree.map(lambda leaf: leaf.shape, params)
    y, dx, dp = value_and_gradients(
        lambda x, p: module.apply({"params": p}, x), expected["g"], expected["x"], params
    )
    pairs = ((y, "y"), (dx, "dx"), (dp["bias"], "db"), (dp["kernel"], "dw"))
    for found, name in pairs:
        reference = layout(expected[name]) if name == "dw" else expected[name]
        np.testing.assert_allclose(found, reference, rtol=1e-4, atol=2e-5)


def hwio(weight):  # torch's convolution: [out, in, kh, kw]
    return weight.transpose(2, 3, 1, 0)


@pytest.mark.parametrize(
    ("channels", "features", "groups", "strides", "padding", "dilation"),
    [
        (8, 6, 2, 1, "SAME", 1),
        (96, 64, 2, 2, 1, 1),  # groups too large to be convolved together
        (64, 64, 32, (2, 1), ((1, 0), (2, 1)), (1, 2)),
        (140, 70, 35, 1, "VALID", 1),
        (20, 40, 20, 1, (1, 0), 1),
    ],
)
def test_both_forms_of_a_grouped_convolution(channels, features, groups, strides, padding, dilation):
    x, kernel = normal(0, 2, 6, 5, channels), normal(1, 3, 2, channels // groups, features)
    how = windows(x.shape, (3, 2), strides, padding, dilation)
    split, native = ((lambda x, k, f=f: f(x, k, how, groups)) for f in (grouped._split, grouped._native))
    assert_one_function(split, native, x, kernel)


@pytest.mark.parametrize(("channels", "groups", "together"), [(48, 2, 1), (4, 32, 8), (1, 512, 32), (64, 64, 2)])
def test_no_program_of_too_many_convolutions(channels, groups, together):
    assert grouped._together(channels, groups) == together


def test_a_grouped_convolution_is_torch_s():
    assert_torch(GroupedConv(4, (3, 2), 2, 1, groups=2, kernel_dilation=2), "grouped", hwio)


def test_one_group_is_flax_s_convolution():
    x = normal(0, 2, 6, 5, 3)
    params = {"kernel": normal(1, 3, 3, 3, 4), "bias": normal(2, 4)}
    for strides, padding, dilation in ((2, "SAME", 1), (1, ((2, 1), (0, 3)), (2, 1))):
        ours = GroupedConv(4, 3, strides, padding, kernel_dilation=dilation)
        flax = nn.Conv(4, (3, 3), strides, padding, kernel_dilation=dilation)
        found, expected = (module.apply({"params": params}, x) for module in (ours, flax))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_groups_must_divide():
    with pytest.raises(ValueError, match="3 groups must divide both"):
        jax.eval_shape(GroupedConv(6, 3, groups=3).init, jax.random.key(0), np.ones((1, 4, 4, 4)))


@pytest.mark.parametrize(
    ("window", "strides", "padding", "multiplier"),
    [
        ((3, 3), 1, "SAME", 1),
        ((3, 2), (2, 3), ((0, 2), (1, 1)), 2),
        ((2, 2), 2, "VALID", 3),
    ],
)
def test_both_forms_of_a_depthwise_convolution_to_second_order(window, strides, padding, multiplier):
    x, kernel = normal(0, 2, 7, 9, 3), normal(1, *window, 1, 3 * multiplier)
    how = windows(x.shape, window, strides, padding)
    shifts, native = ((lambda x, k, f=f: f(x, k, how)) for f in (depthwise._shifts, depthwise._native))
    assert_one_function(shifts, native, x, kernel, orders=2 if multiplier == 2 else 1)


def test_a_depthwise_convolution_is_torch_s():
    assert_torch(DepthwiseConv(3, (2, 1), 1, 2), "depthwise", hwio)


def random_params(module, x):
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
    generator = np.random.default_rng(3)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


class Products(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True, with_pmap=True)
    def test_a_separable_convolution_is_the_full_one_of_its_product(self):
        """Kernel [i, j, c, f] = Σ_m depthwise[i, j, c, m] pointwise[(c, m), f]."""
        x, module = normal(0, 2, 6, 5, 3), SeparableConv(4, 3, 2, multiplier=2)
        params = random_params(module, x)
        pointwise = params["pointwise"]["kernel"].reshape(3, 2, 4)
        kernel = np.einsum("ijcm,cmf->ijcf", params["depthwise"]["kernel"].reshape(3, 3, 3, 2), pointwise)
        full = {"params": {"kernel": kernel, "bias": params["pointwise"]["bias"]}}
        expected = nn.Conv(4, (3, 3), 2).apply(full, x)
        found = self.variant(module.apply)({"params": params}, x)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)

    @chex.variants(with_jit=True, without_jit=True, with_pmap=True)
    def test_a_spatially_separable_convolution_is_the_full_one_of_its_product(self):
        x, module = normal(0, 2, 7, 6, 3), SpatiallySeparableConv(4, 3, 2)
        params = random_params(module, x)
        kernel = np.einsum("icm,jmf->ijcf", params["vertical"]["kernel"][:, 0], params["horizontal"]["kernel"][0])
        expected = nn.Conv(4, (3, 3), 2).apply(
            {"params": {"kernel": kernel, "bias": params["horizontal"]["bias"]}}, x
        )
        found = self.variant(module.apply)({"params": params}, x)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


TRANSPOSED = [(4, 2, 1, 0), (3, 2, 1, 1), (2, 3, 0, 1), (5, 3, 2, 0), (3, 1, 0, 0), (4, 2, 3, 1)]


@pytest.mark.parametrize(("kernel", "stride", "padding", "extra"), TRANSPOSED)
def test_a_transposed_convolution_is_torch_s(kernel, stride, padding, extra):
    module = TransposedConv(2, kernel, stride, padding, extra)
    assert_torch(module, f"transposed_{kernel}_{stride}_{padding}_{extra}", lambda w: w.transpose(2, 3, 0, 1))


@pytest.mark.parametrize("how", [((2, 3), (0, 1), (1, 2)), ((1, 4), (2, 0), (0, 3))])
def test_both_forms_of_a_transposed_convolution_to_second_order(how):
    x, kernel = normal(0, 2, 3, 4, 3), normal(1, 4, 3, 3, 2)
    forms = ((lambda x, k, f=f: f(x, k, _Geometry(*how))) for f in (transposed._subpixel, transposed._native))
    assert_one_function(*forms, x, kernel, orders=2)


@pytest.mark.parametrize("module", [TransposedConv(64, 4, 2, 1), DepthwiseConv(3), GroupedConv(64, 3, groups=2)])
def test_layers_start_with_outputs_of_their_inputs_variance(module):
    x = normal(0, 4, 12, 12, 64)
    key = jax.random.key(0, impl="unsafe_rbg")  # the others take long to compile
    y, _ = jax.jit(module.init_with_output)(key, x)
    inside = y[:, 4:-4, 4:-4]
    assert float(jnp.var(inside)) == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize(
    "module", [TransposedConv(4, 4, 2, 1), DepthwiseConv(3, multiplier=2), GroupedConv(4, 3, groups=2)]
)
def test_layers_compute_in_the_type_they_are_given(module):
    x = normal(0, 2, 6, 6, 2)
    params = random_params(module, x)
    exact = module.apply({"params": params}, x)
    y = module.clone(dtype=jnp.bfloat16).apply({"params": params}, x)
    assert y.dtype == jnp.bfloat16 and exact.dtype == jnp.float32
    assert 1e-4 < np.abs(np.asarray(y, np.float32) - exact).max() / np.abs(exact).max() < 0.02


@pytest.mark.parametrize(
    ("module", "native"),
    [
        (TransposedConv(4, 4, 2, 1), "lhs_dilate = [2, 2]"),
        (DepthwiseConv(3), "feature_group_count = 6"),
        (GroupedConv(4, 3, groups=2), "feature_group_count = 2"),
    ],
)
def test_the_form_is_chosen_by_the_platform_that_is_lowered_for(module, native):
    x = normal(0, 2, 6, 6, 6)
    traced = jax.jit(module.apply).trace({"params": random_params(module, x)}, x)
    assert native not in traced.lower(lowering_platforms=("cpu",)).as_text()
    for platform in ("cuda", "tpu"):
        assert native in traced.lower(lowering_platforms=(platform,)).as_text()

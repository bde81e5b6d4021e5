"""Attention with several heads and transformers against torch's, and their properties by gradient."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.multi_head import CrossAttention, SelfAttention
from deeplearn.nn.positions import LearnedPositions, SinusoidalPositions
from deeplearn.nn.transformer import Decoder, Encoder
from tests.nn.layer_checks import normal

with np.load(Path(__file__).parents[1] / "golden" / "attention.npz") as file:
    GOLDEN = dict(file)
NORMS = {
    "encoder": ("self_attention_norm", "feed_forward_norm"),
    "decoder": ("self_attention_norm", "cross_attention_norm", "feed_forward_norm"),
}


def linear(arrays, prefix):
    return {"kernel": arrays[f"{prefix}weight"].T, "bias": arrays[f"{prefix}bias"]}


def norm(arrays, prefix):
    return {"scale": arrays[f"{prefix}weight"], "bias": arrays[f"{prefix}bias"]}


def heads(arrays, prefix=""):
    """Our parameters of an attention from torch's weights, or our gradients from torch's."""
    kernels, biases = (np.split(arrays[f"{prefix}in_proj_{kind}"], 3) for kind in ("weight", "bias"))
    each = zip(("query", "key", "value"), kernels, biases, strict=True)
    return {name: {"kernel": w.T, "bias": b} for name, w, b in each} | {"out": linear(arrays, f"{prefix}out_proj.")}


def block(arrays, prefix, kind):
    found = {"self_attention": heads(arrays, f"{prefix}self_attn.")}
    if kind == "decoder":
        found["cross_attention"] = heads(arrays, f"{prefix}multihead_attn.")
    found |= {name: norm(arrays, f"{prefix}norm{i}.") for i, name in enumerate(NORMS[kind], start=1)}
    both = {"hidden": linear(arrays, f"{prefix}linear1."), "out": linear(arrays, f"{prefix}linear2.")}
    return found | {"feed_forward": both}


def stack(arrays, kind):
    found = {f"block_{i}": block(arrays, f"layers.{i}.", kind) for i in range(2)}
    return found | ({"norm": norm(arrays, "norm.")} if "norm.weight" in arrays else {})


def golden(case):
    """What is written of a case, and torch's weights and gradients under torch's names."""
    found = {key.split(":")[1]: value for key, value in GOLDEN.items() if key.startswith(f"{case}:")}
    parts = {
        kind: {key.removeprefix(f"{kind}/"): value for key, value in found.items() if key.startswith(f"{kind}/")}
        for kind in ("weights", "gradients")
    }
    return found, parts["weights"], parts["gradients"]


def encoder(pre_norm=True, depth=1, **fields):
    return Encoder(depth, 2, 12, pre_norm=pre_norm, **fields)


def decoder(pre_norm=True, depth=1, **fields):
    return Decoder(depth, 2, 12, pre_norm=pre_norm, length=6, **fields)


def applied(module):
    """module.apply of arguments that are arrays, compiled, not in training."""
    return jax.jit(lambda variables, x, *rest: module.apply(variables, x, False, *rest))


CASES = {
    "self_attention": (heads, lambda p, x, m: SelfAttention(2).apply(p, x, m["x"])),
    "causal_self_attention": (heads, lambda p, x, m: SelfAttention(2, causal=True).apply(p, x, m["x"])),
    "cross_attention": (heads, lambda p, x, m, y: CrossAttention(2).apply(p, x, y, m["memory"])),
    "encoder_pre": ("encoder", lambda p, x, m: encoder(True, 2).apply(p, x, False, m["x"])),
    "encoder_post": ("encoder", lambda p, x, m: encoder(False, 2).apply(p, x, False, m["x"])),
    "decoder_pre": ("decoder", lambda p, x, m, y: decoder(True, 2).apply(p, x, False, y, m["memory"])),
    "decoder_post": ("decoder", lambda p, x, m, y: decoder(False, 2).apply(p, x, False, y, m["memory"])),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_torch_s(case):
    kind, run = CASES[case]
    found, weights, gradients = golden(case)
    masks = {"x": found["x_mask"], "memory": found.get("memory_mask")}
    ours = {"params": stack(weights, kind) if isinstance(kind, str) else kind(weights)}
    expected = {"params": stack(gradients, kind) if isinstance(kind, str) else kind(gradients)}
    inputs = [found[name] for name in ("x", "memory") if name in found]

    @jax.jit
    def value_and_gradients(variables, *inputs):
        y, pull = jax.vjp(lambda variables, x, *memory: run(variables, x, masks, *memory), variables, *inputs)
        return y, pull(found["g"])

    y, slopes = value_and_gradients(ours, *inputs)
    np.testing.assert_allclose(y[masks["x"]], found["y"][masks["x"]], rtol=1e-4, atol=1e-5)
    expected_slopes = (expected, *(found[f"d{name}"] for name in ("x", "memory") if name in found))
    assert jax.tree.structure(slopes) == jax.tree.structure(expected_slopes)
    for slope, other in zip(jax.tree.leaves(slopes), jax.tree.leaves(expected_slopes), strict=True):
        np.testing.assert_allclose(slope, other, rtol=1e-3, atol=1e-4 * np.abs(other).max() + 1e-5)


def randomised(module, *args, **kwargs):
    """The module's variables with random numbers in place of its first weights, biases and scales."""
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), *args, **kwargs))
    leaves, tree = jax.tree.flatten(shapes)
    return jax.tree.unflatten(tree, [normal(i, *leaf.shape) / 2 for i, leaf in enumerate(leaves)])


X, MEMORY = normal(50, 2, 6, 8), normal(51, 2, 4, 8)
MASK = np.array([[True] * 4, [True, True, False, False]])


@pytest.mark.parametrize("rotary", [False, True])
def test_an_output_of_the_decoder_depends_on_no_later_token(rotary):
    module = decoder(rotary=rotary)
    variables = randomised(module, X, False, MEMORY)
    slopes = jax.jit(jax.jacobian(lambda x: module.apply(variables, x, False, MEMORY, MASK).sum((0, 2))))(X)
    sees = np.abs(slopes).sum((1, 3))
    np.testing.assert_array_equal(sees > 0, np.tri(6, dtype=bool))


def test_padding_changes_nothing():
    module, mask = encoder(rotary=True), np.arange(6) < np.array([[6], [3]])
    variables = randomised(module, X, False)

    def total(x, mask):
        y = module.apply(variables, x, False, mask)
        return jnp.where(mask[..., None], jnp.sin(y), 0).sum(), y

    run = jax.jit(jax.grad(total, has_aux=True))
    slope, y = run(X, mask)
    np.testing.assert_array_equal(slope[1, 3:], 0)
    assert np.abs(slope[1, :3]).min() > 0
    _, other = run(np.where(mask[..., None], X, 30), mask)
    np.testing.assert_allclose(other[mask], y[mask], rtol=1e-5, atol=1e-6)
    _, alone = run(X[1:, :3], mask[1:, :3])
    np.testing.assert_allclose(alone[0], y[1, :3], rtol=1e-4, atol=1e-5)


def test_an_empty_memory_is_not_read():
    module, nobody = decoder(), np.array([[True] * 4, [False] * 4])
    variables = randomised(module, X, False, MEMORY)
    y, other = (applied(module)(variables, X, memory, nobody) for memory in (MEMORY, MEMORY + 1))
    np.testing.assert_array_equal(other[1], y[1])
    assert np.abs(other[0] - y[0]).max() > 1e-3


@pytest.mark.parametrize("chunks", [[1] * 6, [3, 1, 2]])
@pytest.mark.parametrize(("rotary", "pre_norm", "crossed"), [(False, True, True), (True, False, False)])
def test_token_by_token_gives_the_outputs_of_the_whole(rotary, pre_norm, crossed, chunks):
    module = decoder(pre_norm, rotary=rotary)
    memory = (MEMORY, MASK) if crossed else ()
    variables = randomised(module, X, False, *memory)
    whole = applied(module)(variables, X, *memory)
    step = jax.jit(
        lambda state, x: module.apply(variables | state, x, False, *memory, decode=True, mutable=["cache"])
    )
    state, steps = {}, []
    for chunk in np.split(X, np.cumsum(chunks)[:-1], axis=1):
        y, state = step(state, chunk)
        steps.append(y)
    np.testing.assert_allclose(np.concatenate(steps, 1), whole, rtol=1e-4, atol=1e-5)
    y, _ = step(state, X[:, :1])
    assert np.isnan(y).all()


def test_one_compiled_loop_decodes_with_the_memory_read_once():
    module = decoder(depth=2)
    variables = randomised(module, X, False, MEMORY)
    whole = applied(module)(variables, X, MEMORY, MASK)

    def step(state, x, memory=MEMORY * np.nan):
        y, state = module.apply(variables | state, x[:, None], False, memory, MASK, decode=True, mutable=["cache"])
        return state, y[:, 0]

    @jax.jit
    def decoded(x):
        state, first = step({}, x[:, 0], MEMORY)
        _, later = jax.lax.scan(step, state, x[:, 1:].swapaxes(0, 1))
        return jnp.concatenate([first[None], later]).swapaxes(0, 1)

    np.testing.assert_allclose(decoded(X), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", [LearnedPositions(6), SinusoidalPositions()])
def test_positions_before_a_decoder_count_on_with_it(positions):
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x, decode=False):
            return decoder()(positions.copy(name="positions")(x, decode), False, decode=decode)

    variables = randomised(Model(), X)
    whole, state, steps = jax.jit(Model().apply)(variables, X), {}, []
    step = jax.jit(lambda state, x: Model().apply(variables | state, x, decode=True, mutable=["cache"]))
    for chunk in np.split(X, 6, axis=1):
        y, state = step(state, chunk)
        steps.append(y)
    np.testing.assert_allclose(np.concatenate(steps, 1), whole, rtol=1e-4, atol=1e-5)


def test_rotary_attention_is_the_same_wherever_a_sequence_stands():
    module = SelfAttention(2, rotary=True)
    variables, run = randomised(module, X), jax.jit(module.apply)
    later, mask = np.pad(X, ((0, 0), (9, 0), (0, 0))), np.arange(15) >= np.array([[9], [9]])
    y = run(variables, X)
    np.testing.assert_allclose(run(variables, later, mask)[:, 9:], y, rtol=1e-4, atol=1e-5)
    assert np.abs(run(variables, X[:, ::-1])[:, ::-1] - y).max() > 1e-3


@pytest.mark.parametrize("pre_norm", [True, False])
def test_dropout_is_on_what_sub_layers_give(pre_norm):
    """With all of it dropped x passes through, normed wherever a norm is not part of a sub-layer's branch."""
    module = decoder(pre_norm, dropout=1.0)
    variables = randomised(module, X, False, MEMORY)
    y = jax.jit(lambda: module.apply(variables, X, True, MEMORY, MASK))()
    expected, weights = X, variables["params"]
    norms = [weights["norm"]] if pre_norm else [weights["block_0"][name] for name in NORMS["decoder"]]
    for one in norms:
        centred = expected - expected.mean(-1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * one["scale"] + one["bias"]
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)
    module = decoder(pre_norm, dropout=0.5)
    run = jax.jit(lambda key: module.apply(variables, X, True, MEMORY, rngs={"dropout": key}))
    assert np.abs(run(jax.random.key(0)) - run(jax.random.key(1))).max() > 1e-2


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="8 features cannot be dealt to 3 heads"):
        SelfAttention(3).init(jax.random.key(0), X)
    with pytest.raises(ValueError, match="decoding, and a pattern, want causal attention and no mask"):
        SelfAttention(2, length=6).init(jax.random.key(0), X, decode=True)
    with pytest.raises(AssertionError, match="x has 6 tokens, more than the 5 that the cache holds"):
        SelfAttention(2, causal=True, length=5).init(jax.random.key(0), X, decode=True)
    with pytest.raises(AssertionError, match="mask has shape"):
        CrossAttention(2).init(jax.random.key(0), X, MEMORY, MASK[:, :3])


def test_cross_attention_s_weights_make_its_output():
    x, memory = normal(0, 2, 3, 8), normal(1, 2, 5, 6)
    mask = np.arange(5) < np.array([[5], [2]])
    module = CrossAttention(2)
    variables = module.init(jax.random.key(0), x, memory, mask)
    assert set(variables) == {"params"}
    y, sown = module.apply(variables, x, memory, mask, mutable=["attention"])
    (weights,) = sown["attention"]["weights"]
    assert weights.shape == (2, 2, 3, 5) and (np.asarray(weights)[1, ..., 2:] == 0).all()
    dense = jax.tree.map(np.asarray, variables["params"])
    value = (memory @ dense["value"]["kernel"] + dense["value"]["bias"]).reshape(2, 5, 2, 4)
    by_hand = np.einsum("bhqk,bkhf->bqhf", weights, value).reshape(2, 3, 8) @ dense["out"]["kernel"]
    np.testing.assert_allclose(y, by_hand + dense["out"]["bias"], atol=1e-5)
    _, sown = module.apply(variables, x, memory, mutable=["attention"])
    np.testing.assert_allclose(sown["attention"]["weights"][0].sum(-1), 1, atol=1e-6)

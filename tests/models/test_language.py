"""Language models: causal, equal in size, and the same token by token as all at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.language import KINDS, Sizes, go_on, language_model, parameter_count, sized

VOCABULARY, TIME = 14, 14  # as many, so that every place can have a token of its own
SIZES = Sizes(depth=2, heads=4, length=32, dropout=0.3)
TOKENS = jax.random.randint(jax.random.key(0), (2, TIME), 0, VOCABULARY)


@functools.cache
def made(kind):
    model = language_model(kind, VOCABULARY, 8, SIZES)
    return model, jax.jit(model.init)(jax.random.key(1), TOKENS)


@pytest.mark.parametrize("kind", KINDS)
def test_no_logit_depends_on_a_later_token(kind):
    model, variables = made(kind)

    @jax.jit
    def slopes(table):
        """Of the logits at each place by the embedding of each place's token: [time, time]."""

        def logits(one):  # every place has a token of its own, so that its embedding is a place's
            params = variables["params"] | {"embedding": {"embedding": one}}
            return model.apply({"params": params}, jnp.arange(TIME)[None])[0]

        jacobian = jax.jacrev(logits)(table)  # [time, vocabulary, time, features]
        return jnp.abs(jacobian).sum((1, 3))

    table = jax.random.normal(jax.random.key(2), (TIME, variables["params"]["embedding"]["embedding"].shape[1]))
    found = np.asarray(slopes(table))
    assert (np.triu(found, 1) == 0).all()
    # Each sees itself and, in whatever window it has, the tokens before.
    seen = np.tril(np.triu(np.ones((TIME, TIME)), -11 if kind == "window" else -TIME))
    assert ((found > 0) == seen).all()


@pytest.mark.parametrize("kind", KINDS)
def test_token_by_token_gives_the_logits_of_the_whole(kind):
    model, variables = made(kind)
    apply = jax.jit(functools.partial(model.apply, decode=True, mutable=["cache"]))
    whole = jax.jit(model.apply)(variables, TOKENS)
    parts, cache = [], {}
    for first, last in ((0, 3), (3, 4), (4, 5), (5, TIME)):
        logits, cache = apply({"params": variables["params"]} | cache, TOKENS[:, first:last])
        parts.append(logits)
    np.testing.assert_allclose(jnp.concatenate(parts, 1), whole, atol=2e-5)


@pytest.mark.parametrize("kind", ["lstm", "window", "transformer"])
def test_what_goes_on_is_what_the_whole_model_finds_most_probable(kind):
    model, variables = made(kind)
    decode = jax.jit(
        functools.partial(model.apply, steps=6, end=VOCABULARY, temperature=0, method=go_on),
    )
    found = decode(variables, TOKENS[:, :5], rngs={"noise": jax.random.key(0)})
    whole = jnp.concatenate([TOKENS[:, :5], found], 1)
    best = jax.jit(model.apply)(variables, whole).argmax(-1)
    np.testing.assert_array_equal(found, best[:, 4:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_as_equal_as_widths_allow(kind):
    model = sized(30_000, kind, VOCABULARY, SIZES)
    body = model.body
    width = body.width if kind == "window" else model.features if kind == "transformer" else body.net.features
    wider = language_model(kind, VOCABULARY, width + SIZES.step, SIZES)
    assert parameter_count(model) <= 30_000 < parameter_count(wider)


def test_dropout_is_in_training_only():
    for kind in ("deep_lstm", "window", "transformer"):
        model, variables = made(kind)
        apply = jax.jit(functools.partial(model.apply, train=True))
        first, again = (apply(variables, TOKENS, rngs={"dropout": jax.random.key(k)}) for k in (0, 1))
        assert not np.allclose(first, again), kind

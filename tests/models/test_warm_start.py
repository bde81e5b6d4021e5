"""Fine-tuning as a shift from given weights is fine-tuning a copy of them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.models.rbm import RBM
from deeplearn.models.warm_start import FewLabelClassifiers, GreedyStack, WarmStarted

WIDTHS, CLASSES, INPUTS = (5, 4), 3, 6


def given():
    rng = np.random.default_rng(0)
    shapes = [(INPUTS, 5), (5, 4)]
    return [
        (jnp.asarray(rng.normal(size=shape), jnp.float32), jnp.asarray(rng.normal(size=shape[1]), jnp.float32))
        for shape in shapes
    ]


def loss(logits):
    return (logits**2).sum() + logits[:, 0].sum()


def test_adam_on_the_shift_takes_the_steps_of_adam_on_a_copy():
    x = jnp.asarray(np.random.default_rng(1).normal(size=(7, INPUTS)), jnp.float32)
    start, model, adam = given(), WarmStarted(WIDTHS, CLASSES), optax.adam(0.1)
    shift = model.init(jax.random.key(0), x, start)["params"]
    copy = {"layers": start, "head": shift["Dense_0"]}

    def forward(copy):
        h = x
        for kernel, bias in copy["layers"]:
            h = jax.nn.sigmoid(h @ kernel + bias)
        return h @ copy["head"]["kernel"] + copy["head"]["bias"]

    def descend(params, function):
        state = adam.init(params)
        for _ in range(5):
            updates, state = adam.update(jax.grad(lambda p: loss(function(p)))(params), state)
            params = optax.apply_updates(params, updates)
        return function(params)

    first = model.apply({"params": shift}, x, start)
    np.testing.assert_allclose(first, forward(copy), rtol=1e-5)
    tuned = descend(shift, lambda p: model.apply({"params": p}, x, start))
    assert np.abs(tuned - first).max() > 0.1
    np.testing.assert_allclose(tuned, descend(copy, forward), rtol=1e-3, atol=1e-4)


def test_classifiers_for_other_numbers_of_labels_do_not_share_weights():
    x = jnp.ones((2, INPUTS))
    model = FewLabelClassifiers(WIDTHS, CLASSES, (1, 5), pool=9)

    def both(model, x):
        return model.logits(x, 1), model.logits(x, 5)

    variables = model.init(jax.random.key(0), x, method=both)
    one, five = model.apply(variables, x, method=both)
    assert not np.allclose(one, five)
    gradient = jax.grad(lambda v: loss(model.apply(v, x, 1, method=FewLabelClassifiers.logits)))(variables)[
        "params"
    ]
    assert optax.tree.norm(gradient["of_1"]) > 0 and optax.tree.norm(gradient["of_5"]) == 0


def test_a_stack_s_classifiers_are_its_codes_and_a_last_layer_until_they_learn():
    image = np.random.default_rng(1).uniform(size=(7, 2, 3, 1)).astype(np.float32)
    batch = {"image": image, "label": np.arange(7) % CLASSES, "row": np.arange(7)}
    stack = GreedyStack(RBM, INPUTS, WIDTHS, CLASSES, (1, 5), pool=9)

    def all_of_it(stack, batch):
        return stack.encode(batch["image"], 2), stack.logits(batch["image"], 5), stack.few(batch, 1)

    variables = stack.init(jax.random.key(0), batch, method=all_of_it)
    code, logits, _ = stack.apply(variables, batch, method=all_of_it)
    assert set(variables["params"]) == {"layers_0", "layers_1", "tuned"} and variables["drawn"]["tuned"]["few"]
    x = image.reshape(7, 6)
    for number in range(2):
        layer = variables["params"][f"layers_{number}"]
        x = jax.nn.sigmoid(x @ layer["kernel"] + layer["hidden_bias"])
    np.testing.assert_allclose(code, x, rtol=1e-5)
    head = variables["params"]["tuned"]["of_5"]["Dense_0"]
    np.testing.assert_allclose(logits, x @ head["kernel"] + head["bias"], rtol=1e-4, atol=1e-6)
    none = stack.apply(variables, image, 0, method=GreedyStack.encode)
    np.testing.assert_array_equal(none, image.reshape(7, 6))

"""How a state lies on a mesh."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.nn.transposed import transposed_convolution
from deeplearn.train.parallel import MODEL, make_layout

LAYOUT = make_layout("data:2,model:2", "jit")


@pytest.mark.parametrize(
    ("shape", "split"),
    [
        ((8, 6), 0),
        ((2, 6), 1),
        ((3, 6), 1),
        ((3, 5), None),
        ((6,), None),
        ((), None),
        ((5, 2, 6), 2),
        ((8, 3, 5), None),
    ],
)
def test_a_matrix_is_split_over_its_larger_axis(shape, split):
    """Axes before the last two count systems of one kind."""
    spec = LAYOUT.shardings({"kernel": jnp.zeros(shape)})["kernel"].spec
    assert [axis for axis, name in enumerate(spec) if name == MODEL] == ([] if split is None else [split])


def test_nothing_is_split_beside_a_kernel_of_a_convolution():
    params = {"kernel": jnp.zeros((3, 3, 8, 8)), "dense": jnp.zeros((8, 8))}
    layout = LAYOUT.suited_to(params)
    part = layout.shardings({"dense": params["dense"]})  # of a turn that has no convolution
    assert MODEL not in part["dense"].spec and not layout.splits
    assert LAYOUT.suited_to({"dense": jnp.zeros((8, 8))}).splits
    assert not make_layout("data:4", "jit").splits


def test_pixels_that_a_matrix_makes_are_convolved_as_on_one_device():
    """With the matrix split over what becomes the picture's height XLA makes another gradient of the kernel."""
    rng = np.random.default_rng(0)
    shapes = {"dense": (4, 64), "kernel": (4, 4, 4, 1), "last": (64, 8)}
    params = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    z = rng.normal(size=(8, 4)).astype(np.float32)

    def loss(params, z):
        x = jax.nn.relu(z @ params["dense"]).reshape(-1, 4, 4, 4)
        x = transposed_convolution(x, params["kernel"], 2, 1)
        return jnp.square(jnp.tanh(x.reshape(-1, 64)) @ params["last"]).mean()

    placed = jax.device_put(params, LAYOUT.suited_to(params).shardings(params))
    one, four = jax.jit(jax.grad(loss))(params, z), jax.jit(jax.grad(loss))(placed, z)
    assert optax.tree.norm(jax.tree.map(lambda a, b: a - np.asarray(b), one, four)) < 1e-4 * optax.tree.norm(one)


@pytest.mark.parametrize(("flags", "options"), [("", {"xla_backend_optimization_level": 1}), (None, {})])
def test_a_state_is_made_with_little_optimisation_or_what_the_user_s_flags_say(monkeypatch, flags, options):
    """None: the flags of these tests, which name a level."""
    if flags is not None:
        monkeypatch.setenv("XLA_FLAGS", flags)
    asked, jit = [], jax.jit

    def recorded(function, *, out_shardings, compiler_options):
        asked.append(compiler_options)
        return jit(function, out_shardings=out_shardings)

    monkeypatch.setattr(jax, "jit", recorded)
    made = LAYOUT.build(lambda x: {"kernel": jnp.ones((4, 2)) * x}, 3.0)
    assert asked == [options] and (made["kernel"] == 3).all()

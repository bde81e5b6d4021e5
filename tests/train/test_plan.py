"""What a run would need, from shapes alone."""

import dataclasses
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn import train as dl
from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.train import plan as planning
from deeplearn.train.parallel import Layout, split_axis
from deeplearn.train.plan import jaxpr_flops, needs, plan, residual_bytes, training_flops
from deeplearn.train.trainer import Trainer

WIDTH, BATCH = 64, 32


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    batch_size: int = BATCH
    steps: int = 1000


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        for _ in range(3):
            x = jnp.tanh(nn.Dense(WIDTH)(x))
        return x


def loss(net, batch):
    return jnp.square(net(batch["features"])).mean(), {}


DATA = Dataset("ones", *[Arrays({"features": np.ones((100, WIDTH), np.float32)})] * 3)


def build(config, dataset):
    return dl.Experiment(Net(), [dl.Stage([dl.Turn(loss)], optax.adam(1e-3), config.steps, ema=0.9)], dataset)


@pytest.fixture
def stage():
    return lambda ways=1, parts=1, **flags: needs(
        Trainer(build(Config(), DATA), Config(**flags), Layout()), 0, ways, parts
    )


def test_memory_of_three_layers(stage):
    """Weights, gradients, Adam's two moments and the average, four bytes each; Adam counts its steps, too."""
    found, count = stage(), 3 * (WIDTH**2 + WIDTH)
    assert found.weights == found.gradients == 4 * count
    assert found.optimiser == 3 * 4 * count + 4
    # tanh keeps its result and its slope; that of the last layer is squared as well.
    assert found.activations == 7 * 4 * BATCH * WIDTH
    assert found.recomputed == 3 * 4 * BATCH * WIDTH


def test_devices_share_batches_and_matrices(stage):
    one, many = stage(), stage(ways=4, parts=2)
    assert many.activations == one.activations / 4 and many.flops == one.flops
    matrices, vectors = 3 * WIDTH**2 * 4, 3 * WIDTH * 4
    assert many.weights == matrices / 2 + vectors
    assert stage(accumulate=4).activations == pytest.approx(one.activations / 4, rel=0.01)


def test_half_precision_keeps_half_and_its_copies_of_the_matrices(stage):
    assert stage(precision="bfloat16").activations <= stage().activations / 2 + 3 * 2 * WIDTH**2


def test_a_step_s_arithmetic(stage):
    """Forward, gradients of weights, and of activations but for the first layer's: two each."""
    products = 3 + 3 + 2
    assert stage().flops == products * 2 * BATCH * WIDTH**2


@pytest.mark.parametrize("strides", [1, 2])
def test_convolutions_are_counted_as_xla_counts_them(strides):
    x, kernel = np.zeros((2, 16, 16, 3), np.float32), np.zeros((3, 3, 3, 8), np.float32)

    def convolve(kernel, x):
        where = jax.lax.conv_general_dilated(
            x, kernel, (strides, strides), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.square(where).sum()

    for function in (convolve, jax.grad(convolve), jax.grad(convolve, argnums=1)):
        ours = jaxpr_flops(jax.make_jaxpr(function)(kernel, x).jaxpr)
        xla = jax.jit(function).lower(kernel, x).compile().cost_analysis()["flops"]
        assert ours == pytest.approx(xla, rel=0.35)  # it leaves out products with padding, and adds sums


def test_loops_and_branches_are_counted():
    matrix = np.ones((8, 8), np.float32)

    def looped(x):
        return jax.lax.scan(lambda x, _: (x @ matrix, None), x, length=5)[0]

    def chosen(x):
        return jax.lax.cond(x[0, 0] > 0, lambda x: x @ matrix, lambda x: x, x)

    one = 2 * 8**3
    assert jaxpr_flops(jax.make_jaxpr(looped)(matrix).jaxpr) == 5 * one
    assert jaxpr_flops(jax.make_jaxpr(chosen)(matrix).jaxpr) == one
    assert jaxpr_flops(jax.make_jaxpr(jax.jit(looped))(matrix).jaxpr) == 5 * one


def test_what_is_computed_again_is_not_kept():
    def chain(w, x):
        for _ in range(4):
            x = jnp.sin(jnp.sin(x))
        return (x * w).sum()

    x, w = (jax.ShapeDtypeStruct((100,), np.float32),) * 2
    kept = residual_bytes(chain, w, x)
    assert kept == 400  # x, for the gradient of w
    nothing = jax.checkpoint(chain, policy=jax.checkpoint_policies.nothing_saveable)
    assert residual_bytes(nothing, w, x) == 0  # what was given is not counted


def test_the_answer_in_lines(monkeypatch):
    monkeypatch.setattr(planning.data, "load", lambda name, directory: DATA)
    found = plan("toy", build, Config(mesh="data:8,model:2", batch_size=64))
    assert f"toy: {3 * (WIDTH**2 + WIDTH):,} parameters" in found
    assert "16 device(s), 8 part(s) of each batch of 64" in found and "it fits" in found
    with pytest.raises(UserError, match="the 64 examples of a batch of stage 'train' cannot be split over data:7"):
        plan("toy", build, Config(mesh="data:7", batch_size=64))


def test_all_training_is_the_steps_of_every_stage():
    config = Config(batch_size=64)
    one, (stage,) = build(config, DATA), build(config, DATA).stages
    step = needs(planning.Trainer(one, config, planning.Layout()), 0, 1, 1).flops
    assert step > 3 * 64 * 2 * WIDTH**2 and training_flops(one, config) == stage.steps * step


def test_what_does_not_fit_is_said(monkeypatch):
    monkeypatch.setattr(planning.data, "load", lambda name, directory: DATA)
    monkeypatch.setitem(planning.ACCELERATORS, "h100", planning.Accelerator(1e12, 1000.0))
    assert "all kept it does not fit" in plan("toy", build, Config())


def test_every_accelerator_can_be_named():
    field = next(one for one in dataclasses.fields(dl.Config) if one.name == "accelerator")
    assert set(field.metadata["choices"]) == set(planning.ACCELERATORS)


def test_a_page_plans_and_trains_nothing(tmp_path, capsys, monkeypatch, data_dir):
    from experiments.foundations import mlp

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mlp", "--plan", f"--data_dir={data_dir}"])
    program = sys.modules["deeplearn.train.launch"]
    monkeypatch.setattr(program, "execute", lambda main, arguments, errors: main(arguments))
    dl.launch(mlp.Config, mlp.build)
    assert "days on 1 h100" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_the_larger_of_the_last_two_axes_is_split():
    assert split_axis((3, 64, 32), 8) == 1 and split_axis((64,), 8) is None
    assert split_axis((6, 64), 8) == 1 and split_axis((6, 7), 8) is None and split_axis((64, 64), 1) is None

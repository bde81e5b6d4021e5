"""The table of a network (`layer_table`, read by `layer_reader`) against XLA's own count and counts by hand."""

import csv
import io

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models.anatomy import anatomy, main
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.depthwise import DepthwiseConv
from deeplearn.nn.grouped import GroupedConv
from deeplearn.nn.pooling import avg_pool, max_pool
from deeplearn.nn.strided import HalvingConv


def images(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


class Unpadded(nn.Module):
    """Only products and sums, and no padding: XLA counts two operations for each multiply-add and nothing else."""

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(6, (3, 5), strides=(2, 1), padding="VALID", use_bias=False)(x)
        x = nn.Conv(4, (3, 3), padding="VALID", kernel_dilation=2, use_bias=False)(x)
        x = GroupedConv(8, 3, 2, "VALID", groups=1, use_bias=False)(x)
        return nn.Dense(5, use_bias=False)(x.reshape(len(x), -1))


def test_multiply_adds_are_half_of_what_xla_counts():
    net, x = Unpadded(), images(2, 23, 25, 3)
    variables = jax.eval_shape(net.init, jax.random.key(0), x)
    flops = jax.jit(net.apply).lower(variables, x).cost_analysis()["flops"]
    assert anatomy(net, x).multiply_adds * x.shape[0] == flops / 2


@pytest.mark.parametrize(
    ("layer", "shape", "output", "parameters", "multiply_adds"),
    [
        # out = ⌊(H + 2P − K)/S⌋ + 1; parameters Cout·Cin·K² + Cout; multiply-adds H'·W'·Cout·Cin·K².
        (nn.Conv(5, (3, 3), 2, padding=1), (9, 9, 4), (5, 5, 5), 5 * 4 * 9 + 5, 25 * 5 * 4 * 9),
        (GroupedConv(6, 3, 1, 1, groups=2), (7, 7, 4), (7, 7, 6), 6 * 2 * 9 + 6, 49 * 6 * 2 * 9),
        (DepthwiseConv(3, 2, 1, multiplier=2), (8, 8, 3), (4, 4, 6), 6 * 9 + 6, 16 * 6 * 9),
        # On CPU a matrix product over 2×2 blocks, yet the sums of a 4×4 window.
        (HalvingConv(5), (8, 8, 3), (4, 4, 5), 5 * 3 * 16 + 5, 16 * 5 * 3 * 16),
        # Each input meets the whole window: H·W·Cin·Cout·K².
        (nn.ConvTranspose(5, (4, 4), (2, 2)), (6, 6, 3), (12, 12, 5), 5 * 3 * 16 + 5, 36 * 3 * 5 * 16),
        (nn.Dense(7), (4, 4, 3), (4, 4, 7), 3 * 7 + 7, 16 * 3 * 7),
    ],
)
def test_a_single_layer(layer, shape, output, parameters, multiply_adds):
    table = anatomy(layer, images(2, *shape))
    (row,) = table.layers
    assert (row.output, row.parameters, row.multiply_adds) == (output, parameters, multiply_adds)
    assert row.kind == type(layer).__name__


class Everything(nn.Module):
    """Strides, dilation, groups, both pools, a skip, concatenation, cutting and padding."""

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 5), strides=(1, 2), padding=1, name="a")(x)
        y = GroupedConv(4, 3, 1, 1, groups=2, name="b")(x)
        x = max_pool(x + y, 3, 2)
        y = nn.Conv(2, (3, 3), kernel_dilation=2, padding=((4, 0), (4, 0)), name="c")(x)
        z = DepthwiseConv(3, 1, 1, name="d")(x)
        x = jnp.concatenate([y, z], -1)[:, 1:, :-1]
        x = jnp.pad(x, ((0, 0), (2, 0), (0, 1), (0, 0)))
        x = avg_pool(x, 2, (2, 1))
        return nn.Conv(1, (2, 2), padding="VALID", name="e")(x)


def test_receptive_fields_are_the_support_of_a_gradient():
    net, size = Everything(), (44, 60)
    # Weights above zero, so that nothing cancels; a different value everywhere, so that no maximum is a tie.
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.uniform(1, 2, (1, *size, 2)), jnp.float32)
    variables = jax.tree.map(
        lambda leaf: jnp.asarray(generator.uniform(0.5, 1, leaf.shape), jnp.float32),
        jax.eval_shape(net.init, jax.random.key(0), x),
    )
    row = anatomy(net, x)["e"]

    def support(i, j):
        # A maximum's gradient goes to one entry only: over many images every entry is the largest somewhere.
        many = jnp.asarray(generator.uniform(1, 2, (40, *size, 2)), jnp.float32)
        reached = jax.jit(jax.grad(lambda x: net.apply(variables, x)[:, i, j, 0].sum()))(many)
        seen = np.abs(reached).sum((0, 3)) > 0
        return [np.flatnonzero(seen.any(axis)) for axis in (1, 0)]

    here, there = support(4, 7), support(5, 10)
    for axis in (0, 1):
        assert here[axis][0] > 0 and here[axis][-1] < size[axis] - 1  # nothing cut off at the edge
        assert here[axis][-1] - here[axis][0] + 1 == row.receptive_field[axis]
        assert there[axis][0] - here[axis][0] == (1, 3)[axis] * row.stride[axis]


class Attention(nn.Module):
    """Tokens to tokens: a convolution in time, then attention over all of it."""

    @nn.compact
    def __call__(self, tokens):
        x = nn.Embed(11, 6, name="embed")(tokens)
        x = nn.Conv(6, (3,), name="conv")(x)
        return nn.SelfAttention(num_heads=2, name="attention")(x)


def test_sequences_and_attention():
    table = anatomy(Attention(), jax.ShapeDtypeStruct((2, 9), jnp.int32))
    assert table["embed"].receptive_field == (1,) and table["embed"].parameters == 66
    assert table["conv"].receptive_field == (3,)
    assert table["attention/query"].receptive_field == (3,)
    assert table["attention/out"].receptive_field == (None,)
    # Four projections of 9 positions, and scores and mixtures of 9 × 9 pairs with 2 heads of 3.
    convolution = 9 * 6 * 6 * 3
    assert table.multiply_adds == convolution + 4 * 9 * 36 + 2 * 2 * 81 * 3
    assert table.parameters == 66 + (3 * 36 + 6) + 4 * (36 + 6)


class Recurrent(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.SimpleCell(5), name="rnn")(x)


def test_a_loop_over_time_counts_each_turn():
    table = anatomy(Recurrent(), images(3, 7, 4))
    assert table.multiply_adds == 7 * (4 * 5 + 5 * 5)
    assert table.parameters == 4 * 5 + 5 * 5 + 5


class Wrapped(nn.Module):
    """A layer used twice, a scale of its own, batch norm, and a pooled end."""

    @nn.compact
    def __call__(self, x, train):
        conv = nn.Conv(3, (3, 3), use_bias=False, name="conv")
        x = BatchNorm(name="bn")(conv(conv(x)), train)
        x = x * self.param("scale", nn.initializers.ones, (3,))
        return x.mean((1, 2))


def test_shared_weights_count_once_and_their_products_twice():
    table = anatomy(Wrapped(), images(4, 8, 8, 3), train=False)
    assert table.parameters == 81 + 6 + 3 and table.statistics == 6
    assert table.multiply_adds == 2 * 64 * 81
    assert [layer.name for layer in table.layers] == ["conv", "conv", "bn", "global_avg_pool_0", "(model)"]
    assert table["bn"].kind == "BatchNorm" and table["bn"].receptive_field == (5, 5)
    assert anatomy(Wrapped(), images(4, 8, 8, 3), train=True)["bn"].receptive_field == (None, None)


def test_text_and_csv_have_the_same_numbers(tmp_path, capsys):
    file = tmp_path / "table.csv"
    main(["--model=alexnet", "--small", "--image=28", "--channels=1", "--classes=10", f"--csv={file}"])
    printed = capsys.readouterr().out.splitlines()
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len({len(line) for line in (printed[0], printed[1], printed[2])}) == 1  # aligned
    body = [line.split() for line in printed if not line.startswith("-")][1:-1]
    assert [cells[0] for cells in body] == [row["layer"] for row in rows[:-1]]
    for cells, row in zip(body, rows, strict=False):
        assert [cell.replace(",", "") for cell in cells] == [cell for cell in row.values() if cell]
    assert sum(int(row["parameters"]) for row in rows[:-1]) == int(rows[-1]["parameters"])
    assert int(rows[-1]["multiply_adds"]) == int(printed[-1].split()[-1].replace(",", ""))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model=alexnte"], "did you mean alexnet"),
        (["--model=vgg16", "--image=20"], "vgg16 cannot take images of 20 pixels"),
        (["--model=vgg16", "--image=0"], "--image=0 should be at least 1"),
        (["--model=vgg16", "--imag=20"], "--imag"),
        ([], "--model"),
    ],
)
def test_mistakes_end_in_a_sentence(arguments, says):
    with pytest.raises(UserError, match=says):
        main(arguments)

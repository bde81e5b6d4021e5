"""The support of a gradient against moving the input, pixel by pixel."""

import flax.linen as nn
import jax
import numpy as np

from deeplearn.models.support import gradient_support, receptive_fields


class Net(nn.Module):
    """Odd in every way: sides, strides, rates and paddings differ along the axes; some weights of nothing."""

    @nn.compact
    def __call__(self, x):
        ones = nn.initializers.ones
        x = nn.Conv(2, (3, 2), strides=(2, 1), padding="VALID", kernel_init=ones)(x)
        return nn.Conv(3, (2, 3), kernel_dilation=(1, 2), padding="SAME", kernel_init=ones)(x)


def test_it_is_where_a_changed_pixel_changes_the_middle_unit():
    net, shape = Net(), (11, 9, 2)
    variables = net.init(jax.random.key(0), np.zeros((1, *shape)))
    pixels = np.eye(11 * 9 * 2, dtype=np.float32).reshape(-1, *shape)
    y = np.asarray(net.apply(variables, pixels))
    change = y[:, y.shape[1] // 2, y.shape[2] // 2, 0].reshape(shape)
    found = gradient_support(net, shape)
    np.testing.assert_array_equal(found, (change != 0).any(-1))
    assert found.any(1).sum() == 5 and found.any(0).sum() == 6


def test_the_field_of_a_stack_grows_by_the_formula():
    """r' = r + (k − 1)·rate·jump, jump' = stride·jump."""
    layers = ((1, 1), (2, 1), (1, 1), (1, 2))
    reach, jump = 1, 1
    for (stride, rate), field in zip(layers, receptive_fields(layers, 40), strict=True):
        reach, jump = reach + 2 * rate * jump, jump * stride
        assert field.any(0).sum() == field.any(1).sum() == reach

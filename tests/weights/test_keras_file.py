"""Which weight of a layer is which, where names do not say it; files that are no weights."""

import h5py
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.weights.keras_file import read_keras


def keras_3(path, layers):
    """layers: {group: (the layer's own name or None, its arrays in order)}."""
    with h5py.File(path, "w") as file:
        for group, (name, arrays) in layers.items():
            stored = file.create_group(f"layers/{group}/vars")
            if name:
                stored.attrs["name"] = name
            for number, array in enumerate(arrays):
                stored[str(number)] = array
    return path


def test_roles_follow_keras_s_order_where_weights_have_numbers_only(tmp_path):
    """As `Layer.weights` of Keras lists them; batch norm without a scale, as Inception-v3 has it, has three."""
    rng = np.random.default_rng(0)
    roles = {
        "pointwise": ["kernel"],
        "conv": ["kernel", "bias"],
        "bn": ["gamma", "beta", "moving_mean", "moving_variance"],
        "unscaled": ["beta", "moving_mean", "moving_variance"],
    }
    arrays = {layer: [rng.normal(size=3) for _ in names] for layer, names in roles.items()}
    layers = {f"class_{i}": (layer, arrays[layer]) for i, layer in enumerate(roles)}
    found = read_keras(keras_3(tmp_path / "a.weights.h5", {**layers, "flatten": ("flatten", [])}))
    assert set(found) == {f"{layer}/{role}" for layer, names in roles.items() for role in names}
    for layer, names in roles.items():
        for role, array in zip(names, arrays[layer], strict=True):
            np.testing.assert_array_equal(found[f"{layer}/{role}"], array)


def test_a_layer_of_keras_3_0_to_3_5_has_a_number_for_a_name(tmp_path):
    """Marked as such: a layer may also be *called* dense_2, and is another one then."""
    found = read_keras(keras_3(tmp_path / "a.weights.h5", {"dense_2": (None, [np.ones(2)])}))
    assert list(found) == ["layers/dense_2/kernel"]


def test_a_model_that_is_a_layer_of_another_is_read_with_it(tmp_path):
    """A pretrained network under a new head."""
    path = keras_3(tmp_path / "a.weights.h5", {"dense": ("head", [np.zeros(2)])})
    with h5py.File(path, "a") as file:
        inner = file.create_group("layers/functional/layers/conv2d/vars")
        inner.attrs["name"], inner["0"] = "stem", np.ones(2)
        file.create_group("layers/functional/vars")
    assert set(read_keras(path)) == {"head/kernel", "stem/kernel"}
    with h5py.File(path, "a") as file:
        file["layers/functional/layers/conv2d/vars"].attrs["name"] = "head"
    with pytest.raises(UserError, match="head/kernel is there twice"):
        read_keras(path)


def test_what_is_no_such_file_is_reported_in_a_sentence(tmp_path):
    five = keras_3(tmp_path / "five.h5", {"odd": ("odd", [np.ones(1)] * 5)})
    other, text = tmp_path / "other.h5", tmp_path / "text.h5"
    with h5py.File(other, "w") as file:
        file["numbers"] = np.ones(3)
    text.write_text("no HDF5 at all")
    for path, sentence in {
        five: "the layer odd has 5 weights of unknown roles",
        other: "holds no Keras weights",
        text: "damaged or cut short",
    }.items():
        with pytest.raises(UserError, match=sentence):
            read_keras(path)

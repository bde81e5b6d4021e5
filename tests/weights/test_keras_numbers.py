"""The numbers of Keras 3.0 to 3.5 are those of its own order of layers, as Keras 3.15 wrote it down."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from deeplearn.models.zoo import ZOO
from deeplearn.weights.keras_numbers import keras_number, keras_numbers
from deeplearn.weights.names import NAMINGS, numbered_from_0

GOLDEN = Path(__file__).parent.parent / "golden" / "weights_full.json.gz"
FULL = {
    name: shapes for name, shapes in json.loads(gzip.decompress(GOLDEN.read_bytes())).items() if "Keras" in name
}


def numbered(shapes):
    """{layer: layers_class_number}: golden files keep Keras's order, and weights tell the class of a layer."""
    counts, result = Counter(), {}
    for name, shape in shapes.items():
        layer, _, role = name.rpartition("/")
        if layer in result:
            continue
        kind = "conv2d" if len(shape) == 4 else "dense"
        if role not in ("kernel", "bias"):
            kind = "batch_normalization"
        elif len(shape) == 4 and shape[-1] == 1:
            kind = "depthwise_conv2d"
        result[layer] = f"layers_{kind}_{counts[kind]}".removesuffix("_0")
        counts[kind] += 1
    return result


@pytest.mark.parametrize("name", FULL)
def test_numbers_are_those_of_keras_s_order(name):
    net = ZOO[name.split()[0]].paper(1000)
    by_name = next(naming for naming in NAMINGS[type(net)] if naming.library == "Keras")
    theirs = numbered(FULL[name])
    ranks = numbered_from_0(list(theirs))
    theirs = {ranks.get(layer, layer): number for layer, number in theirs.items()}
    ours = {by_name.layer(net, layer): number for layer, number in keras_numbers(net).items()}
    assert ours == theirs


def test_a_layer_that_keras_lacks_keeps_its_name():
    assert keras_number(ZOO["inception_v3"].paper(10), "AuxLogits/fc") == "AuxLogits/fc"

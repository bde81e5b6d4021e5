"""The numbers of Keras 3.0 to 3.5 are those of its own order of layers, as Keras 3.15 wrote it down."""

import gzip
import json
from pathlib import Path

import pytest

from deeplearn.models.zoo import ZOO
from deeplearn.weights.keras_numbers import keras_number, keras_numbers
from deeplearn.weights.names import NAMINGS, numbered_from_0
from tests.weights.keras_files import numbered

GOLDEN = Path(__file__).parent.parent / "golden" / "weights_full.json.gz"
FULL = {
    name: shapes for name, shapes in json.loads(gzip.decompress(GOLDEN.read_bytes())).items() if "Keras" in name
}


@pytest.mark.parametrize("name", FULL)
def test_numbers_are_those_of_keras_s_order(name):
    net = ZOO[name.split()[0]].paper(1000)
    by_name = next(naming for naming in NAMINGS[type(net)] if naming.library == "Keras")
    theirs = numbered(FULL[name])
    ranks = numbered_from_0(list(theirs))
    theirs = {ranks.get(layer, layer): f"layers_{number}" for layer, number in theirs.items()}
    ours = {by_name.layer(net, layer): number for layer, number in keras_numbers(net).items()}
    assert ours == theirs


def test_a_layer_that_keras_lacks_keeps_its_name():
    assert keras_number(ZOO["inception_v3"].paper(10), "AuxLogits/fc") == "AuxLogits/fc"

"""The numbers of Keras 3.0 to 3.5 are those of its own order of layers, as Keras 3.15 wrote it down."""

import gzip
import json
from pathlib import Path

import pytest

from deeplearn.models.zoo import ZOO
from deeplearn.weights.convert import plausible
from deeplearn.weights.keras_numbers import keras_number, keras_numbers
from deeplearn.weights.names import NAMINGS, numbered_from_0
from tests.weights.keras_files import numbered

GOLDEN = Path(__file__).parent.parent / "golden" / "weights_full.json.gz"
ALL = json.loads(gzip.decompress(GOLDEN.read_bytes()))
FULL = {name: shapes for name, shapes in ALL.items() if "Keras" in name}


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


@pytest.mark.parametrize("name", ALL)
def test_a_file_is_plausible_for_its_own_network(name):
    """And hardly for another kind. A shallower one may be part of a deeper."""
    ours, library = name.split()
    tensors = {"model." * (library != "Keras") + key: 0 for key in ALL[name]}
    names = {"alexnet": ["alexnet", "alexnet_one_tower"], "googlenet": ["googlenet_batch_norm", "googlenet"]}
    found = [one for one, member in ZOO.items() if plausible(member.paper(1), tensors)]
    assert set(names.get(ours, [ours])) <= set(found)
    assert len({type(ZOO[one].paper(1)) for one in found}) <= 2

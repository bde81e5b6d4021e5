"""Every adversarial page takes every switch of the games, or says in a sentence why not. Traced, not compiled."""

import importlib

import pytest

from deeplearn.adversarial.config import GameConfig
from deeplearn.errors import UserError
from experiments.__main__ import listing

from .test_every_experiment import check_each_turn

SOON = ("experiments.adversarial.gan", "experiments.adversarial.wgan_gp")  # points and images
PAGES = [
    pytest.param(name, marks=[pytest.mark.slow] * (name not in SOON))
    for name in listing()
    if ".adversarial." in name and issubclass(importlib.import_module(name).Config, GameConfig)
]
SWITCHES = {
    "slopes": (
        *("--game=wasserstein", "--gradient_penalty=1", "--optimizer=rmsprop", "--clip=0.01"),
        *("--discriminator_turns=2", "--minibatch_stddev", "--discriminator_rate=0.1"),
    ),
    "stability": ("--game=hinge", "--spectral_norm", "--r1=1", "--r1_every=4", "--instance_noise=0.1", "--ema=0.9"),
    "augmentation": ("--game=least_squares", "--augmentation=translate,cutout", "--augmentation_target=0.6"),
    "packing": ("--packing=2", "--r1=1"),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_switches(name, switches):
    try:
        check_each_turn(name, "--batch_size=12", *switches)  # which packs of two and of three divide
    except UserError as error:
        reasons = {
            "--packing=2": "--packing",
            "--game=least_squares": "--augmentation",
            "--game=wasserstein": "--clip",
        }
        assert str(error).startswith(reasons[switches[0]])

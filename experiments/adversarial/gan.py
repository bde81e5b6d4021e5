"""The minimax game, min_G max_D E log D(x) + E log(1 − D(G(z))), on mixtures whose modes can be counted.

    python -m experiments.adversarial.gan --replicas=5
    python -m experiments.adversarial.gan --replicas=5 --dataset=mixture/ring --workdir=runs/ring
    python -m experiments.adversarial.gan --packing=1 --components=1 --frequencies= --instance_noise=0 \\
        --schedule=constant --ema=0 --workdir=runs/plain

Goodfellow et al. 2014; the last command plays it plainly. The defaults add what reaches every mode: noise on
all that the discriminator sees, which falls while it trains (Sønderby et al. 2017; Arjovsky & Bottou 2017),
packs of two (Lin et al. 2018), noise of the generator that holds one of several learned vectors, a
discriminator on sines and cosines of the points, averaged weights. `adversarial.challenges` has others. As
VEEGAN and PacGAN do, it counts the modes that samples reach, the fraction of samples within three standard
deviations of a mode (`high_quality`), and how uneven the modes are (`reverse_kl`); no single one of them
suffices. Baselines: the data itself, a kernel density estimate, a Gaussian mixture fitted by EM.
"""

import dataclasses

from deeplearn import train as dl
from deeplearn.adversarial.points import REMEDIES, PointConfig, declared, made
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset


@dataclasses.dataclass(frozen=True)
class Config(PointConfig):
    batch_size: int = 256
    steps: int = 8000
    schedule: str = REMEDIES["schedule"]
    packing: int = REMEDIES["packing"]
    components: int = REMEDIES["components"]
    frequencies: tuple[float, ...] = REMEDIES["frequencies"]
    instance_noise: float = REMEDIES["instance_noise"]
    ema: float = REMEDIES["ema"]

    # PacGAN's released code: 100 packs a step, so --packing=3 wants --batch_size=300. Unlike there, players take
    # turns, batch norm sees all slots of the packs together, and the slots of a step are different points of one
    # permutation instead of independent draws.
    PAPER = {
        "network": "pacgan",
        "latents": 2,
        "components": 1,
        "frequencies": (),
        "instance_noise": 0.0,
        "schedule": "constant",
        "ema": 0.0,
        "hidden": (400, 400, 400, 400),
        "packing": 2,
        "batch_size": 200,
        "learning_rate": 1e-4,
        "beta1": 0.8,
        "steps": 400_000,
    }
    TINY = {"hidden": (8,)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    return dl.Experiment(
        model=config.system(dataset),
        stages=[config.point_stage()],
        data=dataset,
        alarms=ALARMS,
        **declared(made, dataset),
    )


if __name__ == "__main__":
    dl.launch(Config, build)

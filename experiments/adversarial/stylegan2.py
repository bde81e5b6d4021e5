"""StyleGAN2: the style scales the weights of convolutions, and equal steps in w become equal steps in the image.

    python -m experiments.adversarial.stylegan2
    python -m experiments.adversarial.stylegan2 --dataset=openmoji/32 --workdir=runs/stylegan2_emoji
    python -m experiments.adversarial.stylegan2 --dataset=folder:PICTURES@32

Karras et al. 2020: modulated and demodulated kernels in place of AdaIN, an image that is the sum of what every size
adds, a residual discriminator, and path length regularisation: ‖Jᵀy‖, how far an image moves with w, is drawn to
its moving mean. R1 and it are lazy: every 16th and every 4th step, for as many. The rest is `stylegan`'s: what it
measures, rates, and γ of R1, of pixels from 0 to 1, where 10 for the paper's, from −1 to 1, is 2.5.
"""

import dataclasses

from deeplearn import train as dl
from deeplearn.adversarial.style import StyleConfig, style_model, style_stage
from deeplearn.adversarial.style_report import style_report
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.models.stylegan2 import SkipSynthesis, StyleDiscriminator


@dataclasses.dataclass(frozen=True)
class Config(StyleConfig):
    steps: int = 6000
    batch_size: int = 32
    r1: float = 0.5
    r1_every: int = 16
    path_length: float = dl.flag(2.0, "weight of the path length regularisation (0: none)", min=0)
    path_every: int = dl.flag(4, "steps from one path length regularisation to the next", min=1)
    ema: float = 0.995

    # Configuration F for FFHQ at 1024², a data set of folders.
    PAPER = {
        "latents": 512,
        "width": 32,
        "widest": 512,
        "mapping_layers": 8,
        "mapping_rate": 0.01,
        "learning_rate": 2e-3,
        "schedule": "constant",
        "r1": 2.5,
        "ema": 0.999,
        "steps": 780_000,
    }
    TINY = {"dataset": "digits", "width": 4, "widest": 8, "latents": 8, "mapping_layers": 2}


def usual_length(trained: dl.Trained, dataset: Dataset) -> dict[str, float]:
    """The lengths' moving mean: the turn's own metrics are those of a step, and most steps have none."""
    return {"path_length": float(trained.variables["moving_mean"]["mean_length"]["mean"])}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    critic = StyleDiscriminator(config.width, config.widest, minibatch_stddev=config.minibatch_stddev)
    return dl.Experiment(
        model=style_model(config, dataset, SkipSynthesis, critic),
        stages=[style_stage(config, config.path_length, config.path_every)],
        data=dataset,
        alarms=ALARMS,
        curves=usual_length if config.path_length else None,
        **style_report(),
    )


if __name__ == "__main__":
    dl.launch(Config, build)

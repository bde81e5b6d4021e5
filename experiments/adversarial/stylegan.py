"""StyleGAN: noise becomes a style, and the style sets mean and deviation of all feature maps of an image.

    python -m experiments.adversarial.stylegan
    python -m experiments.adversarial.stylegan --dataset=openmoji/32 --workdir=runs/stylegan_emoji
    python -m experiments.adversarial.stylegan --dataset=folder:PICTURES@32

Karras et al. 2019: dense layers map z to w; the synthesis starts with a learned constant and is told w by adaptive
instance normalisation (AdaIN) in every layer, beside noise for each pixel; nine of ten images are trained with two
styles, of which the second takes over in a random layer. Measured beside what every generator of images is
(`wgan_gp`): perceptual path lengths on the judge's features in z and in w (not the VGG network's, so not comparable
with published ones), and truncation, w moved towards its mean, against the Fréchet distance, precision and recall.
Not in the paper: the networks are whole from the start, without progressive growing; small ones want larger rates,
whose equalised steps are a fraction of the kernels' size, and a mapping of four layers at a tenth of the rate; γ of
R1 is of pixels from 0 to 1, where 10 for the paper's, from −1 to 1, is 2.5. With so few feature maps the noise, not
w, decides which letter it is; `--noisy=1` leaves it to the image's own size.
"""

import dataclasses

from deeplearn import train as dl
from deeplearn.adversarial.style import StyleConfig, style_model, style_stage
from deeplearn.adversarial.style_report import style_report
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.models.stylegan import Synthesis
from deeplearn.models.stylegan2 import StyleDiscriminator


@dataclasses.dataclass(frozen=True)
class Config(StyleConfig):
    steps: int = 6000
    batch_size: int = 32
    r1: float = 0.5
    r1_every: int = 8
    ema: float = 0.995

    # For FFHQ at 1024², a data set of folders.
    PAPER = {
        "latents": 512,
        "width": 16,
        "widest": 512,
        "mapping_layers": 8,
        "mapping_rate": 0.01,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "r1": 2.5,
        "r1_every": 1,
        "ema": 0.999,
        "steps": 780_000,
    }
    TINY = {"dataset": "digits", "width": 4, "widest": 8, "latents": 8, "mapping_layers": 2}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    critic = StyleDiscriminator(
        config.width, config.widest, residual=False, minibatch_stddev=config.minibatch_stddev
    )
    return dl.Experiment(
        model=style_model(config, dataset, Synthesis, critic),
        stages=[style_stage(config)],
        data=dataset,
        alarms=ALARMS,
        **style_report(),
    )


if __name__ == "__main__":
    dl.launch(Config, build)

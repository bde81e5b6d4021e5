"""A generator of pictures from texts for the tests of the programs: one colour for each caption."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.text_to_image.captions import asked, need_captions


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "shapes/32"
    steps: int = 3
    batch_size: int = 8
    asked: bool = dl.flag(True, "whether it can be asked for a text")


class Painter(nn.Module):
    """A grey for each caption."""

    words: int

    @nn.compact
    def __call__(self, tokens):
        return jax.nn.sigmoid(nn.Embed(self.words, 1)(tokens).sum((1, 2)))


def paint(model, batch):
    return jnp.square(model(batch["tokens"]) - batch["image"].mean((1, 2, 3))).mean(), {}


def images(trained, dataset, count, text="", guidance=0.0, watch=None):
    tokens, _ = asked(text, dataset, open_ended=True)
    grey = np.asarray(trained(Painter.__call__, np.repeat(tokens, count, 0)))
    noise = np.asarray(jax.random.uniform(trained.key, (count, 1, 1, 1)))
    made = np.broadcast_to(np.clip(grey[:, None, None, None] * noise + guidance, 0, 1), (count, 32, 32, 3))
    for step in range(3):
        if watch:
            watch(made * step / 3)
    return made


def without_text(trained, dataset, count):
    return np.zeros((count, 32, 32, 3))


def build(config, dataset):
    need_captions(dataset)
    return dl.Experiment(
        model=Painter(len(dataset.vocabulary)),
        stages=[dl.Stage([dl.Turn(paint)], optax.adam(1e-2), config.steps)],
        data=dataset,
        images=images if config.asked else without_text,
    )

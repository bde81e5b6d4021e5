"""DALL·E as a system: its networks, the stages in which they train, and the pictures that it makes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.losses.text_and_codes import text_and_codes_loss
from deeplearn.models.dalle import Dalle, Foreseen, TextAndCodes, drawn_codes
from deeplearn.optim.schedules import warm_adam
from deeplearn.text_to_image import completion
from deeplearn.text_to_image.clip import agreement, contrast, small_clip
from deeplearn.text_to_image.codes import code, code_stage, coder_of_run, frozen_codes, of_run
from deeplearn.text_to_image.dalle_config import DalleConfig, best_row, need_dalle
from deeplearn.text_to_image.partial_captions import partial_quality
from deeplearn.text_to_image.quality import asked_rows, gain_of_choice, picture_quality, rightness

BLOCK = 100  # pictures made at once


def foresee(model: Dalle, batch: dl.Batch) -> dl.Losses:
    """2. What the bag of words says of each place: the vector of its code, by squared error.

    By cross-entropy it learns every code of training, and new combinations less well: near codes look alike, and a
    vector may lie between them.
    """
    assert model.bag is not None
    vectors = model.code.vectors(codes_of(model, batch["image"]))
    made = model.bag(batch["tokens"], batch["length"])
    mse = jnp.square(made - vectors.reshape(made.shape)).mean()
    return mse, {"unexplained": mse / vectors.var()}


def predict(model: Dalle, batch: dl.Batch, config: DalleConfig) -> dl.Losses:
    """3. The decoder: the next code of a picture, after its caption and the codes before."""
    tokens, length = batch["tokens"], batch["length"]
    codes = codes_of(model, batch["image"])
    # It should go on well after a code that was drawn badly: some that it reads are wrong, in some pictures many.
    fraction = 2 * config.wrong_codes * jax.random.uniform(model.make_rng("noise"), (len(codes), 1))
    wrong = jax.random.bernoulli(model.make_rng("noise"), jnp.minimum(fraction, 1), codes.shape)
    drawn = jax.random.randint(model.make_rng("noise"), codes.shape, 0, model.decoder.codes)
    read = jnp.where(wrong, drawn, codes)
    said = model.decoder(tokens, length, read, hints(model, tokens, length), train=True)
    words = model.decoder.padded(tokens, length)[:, 1:]
    return text_and_codes_loss(said.of_words, words, said.of_codes, codes)


def hints(model: Dalle, tokens: jax.Array, length: jax.Array) -> jax.Array | None:
    """What the decoder is told of each place beside the text, if anything."""
    return model.bag(tokens, length) if model.bag else None


def codes_of(model: Dalle, image: jax.Array) -> jax.Array:
    """int32 [B, places] of pictures."""
    codes: jax.Array = frozen_codes(model.code, image)
    return codes


def align(model: Dalle, batch: dl.Batch) -> dl.Losses:
    """4. CLIP: pictures and captions in one space."""
    return contrast(model.clip, batch)


# What is called of the trained model, compiled.


def drawn(
    model: Dalle, tokens: jax.Array, length: jax.Array, given: jax.Array, *, temperature: float, top_k: int
) -> jax.Array:
    """Pictures [B, H, W, C] in [0, 1] for captions; their codes begin with those `given` int32 [B, any]."""
    key, told = model.make_rng("noise"), hints(model, tokens, length)
    return shown(model, drawn_codes(model.decoder, tokens, length, given, key, temperature, top_k, told))


def shown(model: Dalle, codes: jax.Array) -> jax.Array:
    """Codes int32 [B, places] as pictures [B, H, W, C] in [0, 1]."""
    return jnp.clip(model.code.decode(codes), 0, 1)


def foreseen(model: Dalle, tokens: jax.Array, length: jax.Array) -> jax.Array:
    """Pictures [B, H, W, C] in [0, 1] of the bag of words alone."""
    assert model.bag is not None
    vectors = model.bag(tokens, length)
    return model.code.shown(vectors.reshape(len(vectors), *model.code.grids[0], -1))


def agreement_of(model: Dalle, batch: dl.Batch) -> jax.Array:
    return agreement(model.clip, batch)


def pictures(
    trained: dl.Trained,
    tokens: np.ndarray,
    length: np.ndarray,
    given: np.ndarray | None = None,
    temperature: float = 0.0,
    top_k: int = 0,
) -> np.ndarray:
    """Pictures [N, H, W, C] in [0, 1] for captions, greedy at temperature 0.

    given: codes int32 [N, any] with which each picture begins, from its upper left corner row by row.
    """
    block, made = min(BLOCK, len(length)), []
    given = np.zeros((len(length), 0), np.int32) if given is None else given
    for start in range(0, len(length), block):
        rows = np.arange(start, start + block) % len(length)
        asked = tokens[rows], length[rows], given[rows]
        own = trained.folded(start)
        made.append(np.asarray(own(drawn, *asked, temperature=temperature, top_k=top_k)))
    return np.concatenate(made)[: len(length)]


def of_texts(trained: dl.Trained, dataset: Dataset, texts: Sequence[str]) -> np.ndarray:
    """`pictures` of texts, what they leave open completed. UserErrors as of `completion.read`."""
    return pictures(trained, *completion.read(trained, dataset, texts))


def ranked(
    trained: dl.Trained, config: DalleConfig, tokens: np.ndarray, length: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures [N, count, H, W, C] for each caption, and CLIP's cosine of each and it [N, count]."""
    text = {"tokens": tokens.repeat(count, 0), "length": length.repeat(count)}
    image = pictures(trained, **text, temperature=config.temperature, top_k=config.top_k)
    cosines = trained.over(agreement_of, {"image": image, **text})
    return image.reshape(len(tokens), count, *image.shape[1:]), cosines.reshape(len(tokens), count)


def upper_half(trained: dl.Trained, image: np.ndarray) -> np.ndarray:
    """Codes int32 [N, places/2] of the upper halves of pictures [N, H, W, C].

    The lower ones are painted over first: the encoder's code of a place knows places below it, too.
    """
    rows, columns = trained.model.decoder.grid
    hidden = image.copy()
    hidden[:, image.shape[1] // rows * (rows // 2) :] = trained.model.code.mean
    codes: np.ndarray = trained.over(codes_of, hidden)
    return codes[:, : rows // 2 * columns]


def evaluate(trained: dl.Trained, dataset: Dataset, config: DalleConfig) -> dl.Rows:
    """`picture_quality` of greedy pictures for the captions of `asked_rows`; rows of the others:

    one that is drawn; of several the one that CLIP, or one who knows the true picture, likes best, CLIP's with its
    gain (`gain_of_choice`); the lower half after the true upper half; the vectors that the bag of words foresees,
    shown as they are; and the true picture's own codes, which nothing can surpass. Greedy are also pictures of
    captions that leave something open, completed (`partial_quality`).
    """
    asked = asked_rows(dataset)
    text = asked["tokens"], asked["length"]
    codes = trained.over(codes_of, asked["image"])
    made, cosines = ranked(trained, config, *text, config.candidates)
    every, best = np.arange(len(made)), best_row(config)
    far = np.square(made - asked["image"][:, None]).mean((2, 3, 4))
    images = {
        dl.OURS: pictures(trained, *text),
        "one sample": made[:, 0],
        best: made[every, cosines.argmax(1)],
        f"best of {config.candidates} by the true picture": made[every, far.argmin(1)],
        "lower half completed": pictures(trained, *text, upper_half(trained, asked["image"])),
        "the true picture's codes": np.asarray(trained.over(shown, codes)),
    }
    if trained.model.bag:
        images["bag of words alone"] = np.asarray(trained(foreseen, *text))
    more = {best: gain_of_choice(made, cosines.argmax(1), dataset, asked)}
    if trained.model.completer:
        more[dl.OURS] = partial_quality(lambda texts: of_texts(trained, dataset, texts), dataset)
    measured = {}
    for row, image in images.items():
        quality = picture_quality(image, dataset, asked)
        right = quality[name := rightness(dataset)]
        quality[f"{name}_stderr"] = math.sqrt(right * (1 - right) / int((asked["seen"] == 0).sum()))
        measured[row] = dl.Measured(quality | more.get(row, {}), {"image": image})
    return measured


def dalle(config: DalleConfig, dataset: Dataset) -> Dalle:
    """The networks for the data set's pictures and captions."""
    coder = coder_of_run(config.code_run, dataset) if config.code_run else code(config, dataset)
    if config.top_k > coder.codes:
        raise UserError(f"--top_k={config.top_k}: there are {coder.codes} codes")
    if len(coder.grids) > 1:
        raise UserError(f"DALL·E reads codes of one level, and --code_run={config.code_run} has {len(coder.grids)}")
    assert dataset.vocabulary is not None
    decoder = TextAndCodes(
        len(dataset.vocabulary),
        dataset.train.spec["tokens"].shape[0],
        coder.codes,
        coder.grids[0],
        config.width,
        config.depth,
        config.heads,
        4 * config.width,
        config.dropout,
        config.text_prefix,
        config.attention == "sparse",
        config.kernel,
    )
    bag = Foreseen(decoder.vocabulary, decoder.places, coder.features) if config.word_sums else None
    ranking = small_clip(dataset, config.image_encoder, width=config.clip_width)
    return Dalle(coder, decoder, ranking, bag, completion.completer(config, dataset))


def stages(config: DalleConfig, dataset: Dataset) -> list[dl.Stage]:
    """The code, which then stays as it is; the bag that foresees it; its decoder; CLIP; what completes captions."""

    def stage(name: str, loss: Any, steps: int, batch: int, ema: float, rate: float) -> dl.Stage:
        adam = warm_adam(rate, steps, b2=0.99)
        return dl.Stage([dl.Turn(loss, (name,), called=name)], adam, steps, name, ema, None, batch)

    predicts = partial(predict, config=config)
    own = [stage("decoder", predicts, config.steps, config.batch_size, config.ema, config.learning_rate)]
    if config.word_sums:
        own.insert(0, stage("bag", foresee, config.bag_steps, config.bag_batch, config.ema, config.bag_rate))
    if config.code_run:
        own[0] = dataclasses.replace(own[0], start=partial(with_code, path=config.code_run, dataset=dataset))
    else:
        own.insert(0, code_stage(config, dataset, "code"))
    own.append(stage("clip", align, config.clip_steps, config.clip_batch, 0.99, config.learning_rate))
    return [*own, *completion.stages(config, dataset)]


def with_code(variables: Mapping[str, Any], path: str, dataset: Dataset) -> Mapping[str, Any]:
    """The variables with the code of a finished run."""
    _, own = of_run(path, dataset)
    return {name: {**trees, "code": own[name]} if name in own else trees for name, trees in variables.items()}


def system(config: DalleConfig, dataset: Dataset) -> dl.Rival:
    """The whole pipeline, as an experiment's own system or one of several."""
    need_dalle(config, dataset)
    return dl.Rival(dalle(config, dataset), stages(config, dataset), partial(evaluate, config=config), row="DALL·E")

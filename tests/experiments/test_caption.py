"""The captions' page: its loss, what counts as right, and a folder of the user's own pictures."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from deeplearn import train as dl
from deeplearn.data import Arrays, Dataset
from deeplearn.data.forms import captions
from deeplearn.errors import UserError
from deeplearn.runs.__main__ import ask
from deeplearn.runs.run import open_run
from deeplearn.train.loop import run
from experiments.sequences import caption

from .test_every_experiment import configured


def named(texts, label=None, **about):
    image = np.random.default_rng(0).uniform(size=(len(texts), 4, 4, 3)).astype(np.float32)
    columns = {"image": image, "text": np.array(texts, object)}
    if label is not None:
        columns |= {"label": np.array(label, np.int32), "held_out": np.array([1, 1, 2][: len(texts)], np.int32)}
    split = Arrays(columns)
    return captions(Dataset("named", split, split, split, about=about), None)


def test_any_name_of_a_picture_is_right_and_each_kind_that_is_held_out_is_counted():
    dataset = named(["a cat", "a dog", "the cat"], [4, 7, 4], **{"held out": ("", "tone", "person")})
    said = [["the", "cat"], ["a", "cat"], ["a", "cat", "a"]]
    found = caption.measure(dataset, said, "test")
    assert found == {
        "exact": 1 / 3,
        "word_overlap": pytest.approx((1 + 1 / 2 + 2 / 3) / 3),
        "exact_tone": 1 / 2,
        "exact_person": 0,
    }
    alone = caption.measure(named(["a cat", "a dog", "the cat"]), said, "test")
    assert alone == {"exact": 0, "word_overlap": pytest.approx((1 / 2 + 1 / 2 + 1 / 3) / 3)}


def test_the_loss_is_a_sum_over_words_and_places_that_padding_does_not_change():
    dataset = named(["a cat", "a dog of the two", "the"])
    model = caption.build(configured(caption), dataset).model.systems["attention"].module
    batch = dict(dataset.train.arrays())
    wider = {**batch, "tokens": np.pad(batch["tokens"], ((0, 0), (0, 3)))}
    variables = jax.jit(model.init)(jax.random.key(0), batch["image"], batch["tokens"])
    logits, weights = map(np.asarray, jax.jit(model.apply)(variables, batch["image"], batch["tokens"][:, :-1]))
    nll, looks = 0.0, 0.0
    for row, length in enumerate(batch["length"]):
        for place, token in enumerate(batch["tokens"][row, 1:length]):
            nll += float(np.log(np.exp(logits[row, place]).sum()) - logits[row, place, token])
        looks += float(np.square(1 - weights[row, : length - 1].sum(0)).sum())
    for one in (batch, wider):
        found, _, looked = jax.jit(lambda v, x: model.apply(v, x, False, method=caption.likelihood))(
            variables, {key: one[key] for key in ("image", "tokens", "length")}
        )
        assert float(found.weight) == sum(batch["length"] - 1)
        np.testing.assert_allclose(found.total, nll, rtol=1e-5)
        np.testing.assert_allclose(np.square(1 - looked).sum(), looks, rtol=1e-5)


def test_a_picture_file_of_any_size_is_answered_with_words(tmp_path):
    dataset = named(["a cat", "a dog", "the cat"])
    built = caption.build(config := configured(caption), dataset)
    batch = dataset.train.arrays()
    variables = jax.jit(lambda key: built.model.init(key, batch["image"], batch["tokens"], method=both))(
        jax.random.key(0)
    )
    for name in ("attention", "vector"):
        assert "encoder" in variables["params"][name], "two captioners share an encoder"
    trained = dl.Trained(built.model, variables, jax.random.key(0), config)
    for name, mode in (("grey.png", "L"), ("colour.jpg", "RGB"), ("clear.png", "RGBA")):
        Image.new(mode, (30, 20)).save(tmp_path / name)
        assert set(caption.answer(trained, dataset, str(tmp_path / name)).split()) <= {"a", "the", "cat", "dog"}
    with pytest.raises(UserError, match="there is no image"):
        caption.answer(trained, dataset, "a text")


def both(rivals, image, tokens):
    return [system(image, tokens) for system in (rivals.attention, rivals.vector)]


@pytest.mark.slow
def test_twenty_pictures_of_a_user_are_learnt_from_and_one_is_named_when_they_are_gone(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    lines = ["file_name,text"]
    for number in range(20):
        colour = ("red", "blue")[number % 2]
        Image.new("RGB", (10, 12), colour).save(pictures / f"{number}.png")
        lines.append(f"{number}.png,a {colour} picture")
    (pictures / "metadata.csv").write_text("\n".join(lines))
    config = configured(caption, f"--dataset=captions:{pictures}@8", "--steps=2", f"--workdir={tmp_path / 'run'}")
    results = run("experiments.sequences.caption", caption.build, config)
    assert results["left_out"] == {} and results["baselines"]["nearest picture"]["exact"] == 1
    question = shutil.copy(pictures / "0.png", tmp_path / "0.png")
    shutil.rmtree(pictures)
    opened = open_run(tmp_path / "run")
    known = set(opened.described.vocabulary.tokens)
    assert set(ask(opened, str(question), 0).split()) <= known
    with pytest.raises(UserError, match="there is no image"):
        ask(opened, "a text", 0)


def test_what_has_no_captions_or_does_not_fit_is_refused():
    dataset = named(["a cat", "a dog", "the cat"])
    config = configured(caption)
    image = Arrays({"image": np.zeros((3, 4, 4, 1), np.float32)})
    with pytest.raises(UserError, match="has no captions"):
        caption.build(config, Dataset("images", image, image, image))
    with pytest.raises(UserError, match="cannot be halved 3 times"):
        caption.build(dataclasses.replace(config, widths=(1, 1, 1, 1), depths=(1, 1, 1, 1)), dataset)
    with pytest.raises(UserError, match="--widths and --depths"):
        caption.build(dataclasses.replace(config, depths=(1,)), dataset)

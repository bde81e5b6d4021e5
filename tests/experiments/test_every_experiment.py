"""Tests that every experiment gets without writing one: an experiment that is added is covered."""

import dataclasses
import functools
import importlib
import inspect
import json
import shutil

import jax
import numpy as np
import optax
import pytest

from deeplearn import data
from deeplearn.train.experiment import nothing
from deeplearn.train.flags import parse
from deeplearn.train.loop import run
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.state import begin
from deeplearn.train.step import turn_update
from deeplearn.train.trainer import Trainer
from experiments.__main__ import listing

from .pretend import pretend

NAMES = [*listing(), "docs.label_smoothing"]
RATE = 1e-3
# A page compiles for some ten seconds: `make test` trains one or two of each kind, `make test-all` every one.
TRAINED = (
    "adversarial.convergence",
    "adversarial.gan",
    "autoencoders.anomaly",
    "autoencoders.vae",
    "convolution.cnn",
    "foundations.activations",
    "foundations.backpropagation",
    "foundations.mlp",
    "sequences.recurrence",
    "text_to_image.diffusion_points",
)
# Several networks each, or large ones: even to trace them takes long, at paper size very long.
LARGE = (
    "adversarial.anomaly",
    "adversarial.augmentation",
    "adversarial.challenges",
    "adversarial.conditional",
    "adversarial.cyclegan",
    "adversarial.dcgan",
    "adversarial.infogan",
    "adversarial.pix2pix",
    "adversarial.sensitivity",
    "adversarial.stacked_modes",
    "adversarial.stylegan",
    "adversarial.stylegan2",
    "adversarial.vae_gan",
    "adversarial.wgan",
    "adversarial.wgan_gp",
    "autoencoders.comparison",
    "autoencoders.denoising",
    "autoencoders.stochastic",
    "convolution.alexnet",
    "convolution.claims",
    "convolution.densenet_vs_resnet",
    "convolution.family",
    "foundations.regularization",
    "foundations.vanishing_gradients",
    "representations.adaptation",
    "representations.adaptation_strength",
    "representations.bert",
    "representations.deep_belief_net",
    "representations.fasttext",
    "representations.glove",
    "representations.gpt",
    "representations.image_embeddings",
    "representations.layerwise_autoencoder",
    "representations.rbm",
    "representations.transfer",
    "sequences.caption",
    "sequences.classify",
    "sequences.forecasting",
    "sequences.language_model",
    "sequences.memory",
    "sequences.recursive",
    "sequences.speech",
    "sequences.tagging",
    "sequences.translate",
    "text_to_image.clip",
    "text_to_image.comparison",
    "text_to_image.dalle",
    "text_to_image.dalle2",
    "text_to_image.diffusion",
    "text_to_image.imagen",
    "text_to_image.inpainting",
    "text_to_image.interpolation",
    "text_to_image.super_resolution",
    "text_to_image.vqvae",
)


def parametrised(slow):
    """By experiment; its tests go to one worker, where they share compiled programs through the cache."""
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=[pytest.mark.xdist_group(name), *[pytest.mark.slow] * (name in slow)])
            for name in NAMES
        ],
    )


every_experiment = parametrised(slow=())
every_smaller_experiment = parametrised(slow=[f"experiments.{name}" for name in LARGE])
one_of_each_kind = parametrised(slow=set(listing()) - {f"experiments.{name}" for name in TRAINED})


def configured(module, *flags):
    return dataclasses.replace(parse(module.Config, ("--batch_size=8", *flags)), **module.Config.TINY)


def descending(name, layout):
    """The trainer of an experiment at its tiny size on pretended data, with plain gradient descent.

    Adam would divide rounding in a tiny gradient by its root: what is left of the optimisers is tested elsewhere.
    """
    module = importlib.import_module(name)
    config = configured(module, "--log_every=2")
    experiment = module.build(config, pretend(config.dataset))
    stages = [dataclasses.replace(stage, optimizers=optax.sgd(RATE)) for stage in experiment.stages]
    return Trainer(dataclasses.replace(experiment, stages=stages), config, layout)


def check_each_turn(name, *flags):
    """That it keeps the state's tree, and the networks of others."""
    module = importlib.import_module(name)
    config = parse(module.Config, ["--batch_size=8", *flags])
    # The pretended data are few: the batches of other stages are small, too.
    batches = [field.name for field in dataclasses.fields(config) if field.name.endswith("_batch")]
    config = dataclasses.replace(config, **dict.fromkeys(batches, 8))
    experiment = module.build(config, pretend(config.dataset))
    trainer = Trainer(experiment, config, Layout())
    for index, stage in enumerate(experiment.stages):
        state = jax.eval_shape(lambda s, stage=stage: begin(stage, s), trainer.abstract_one)
        assert trainer.groups[index]
        for number, turn in enumerate(stage.turns):
            update = turn_update(experiment.model, stage, number, trainer.groups[index])
            arguments = (state, trainer.feed.examples[index], np.zeros(2, np.int32))
            program, (after, metrics) = jax.make_jaxpr(update, return_shape=True)(*arguments)
            assert jax.tree.structure(after) == jax.tree.structure(state)
            for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
                assert (old.shape, old.dtype) == (new.shape, new.dtype)
            assert metrics["loss"].shape == ()
            # A network whose turn it is not comes out as the very variables that went in.
            paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
            for path, before, then in zip(paths, program.jaxpr.invars, program.jaxpr.outvars, strict=False):
                if path[0].name == "params":
                    keys = tuple(entry.key for entry in path[1:])
                    mine = any(keys[: len(trained)] == trained for trained in turn.paths)
                    assert (then is not before) == mine, keys


@every_smaller_experiment
def test_each_turn_keeps_the_state_s_tree_and_the_networks_of_others(name):
    check_each_turn(name)


@every_smaller_experiment
def test_so_does_each_turn_at_paper_size(name):
    if importlib.import_module(name).Config.PAPER or not name.startswith("docs."):
        check_each_turn(name, "--paper")


@one_of_each_kind
def test_networks_learn_on_four_devices_as_on_one_and_each_program_is_compiled_once(name):
    initial, after = None, []
    for layout in (Layout(), make_layout("data:2,model:2", "jit")):
        trainer = descending(name, layout)
        if initial is None:
            states = trainer.initial()
            initial = local(states)
        else:
            # That a state is born on a mesh as on one device is tested elsewhere, and takes long to compile.
            states = [jax.device_put(state, trainer.layout.shardings(state)) for state in initial]
        step = 0
        while step < 2:
            states, metrics, step = trainer.advance(states, step, 2)
            trainer.read(step, metrics)
        after.append(local(states[0].params))
        for program in trainer.programs.of(0, states[0]):
            assert program.compiled._cache_size() == 1
    single, sharded = after
    for path, one in jax.tree_util.tree_leaves_with_path(single):
        four, start = (
            functools.reduce(lambda tree, key: tree[key.key], path, tree) for tree in (sharded, initial[0].params)
        )
        moved = np.abs(one - start).max()
        np.testing.assert_allclose(
            four, one, rtol=1e-6, atol=1e-3 * moved + 1e-7, err_msg=jax.tree_util.keystr(path)
        )


@one_of_each_kind
def test_a_tiny_run_writes_everything_and_one_that_is_stopped_ends_in_the_same_bits(
    name, tmp_path, monkeypatch, capsys
):
    module = importlib.import_module(name)
    monkeypatch.setattr(data, "load", lambda dataset, _: pretend(dataset))
    flags = ("--steps=4", "--log_every=1", "--checkpoint_every=3")

    def build(config, dataset):
        experiment = module.build(config, dataset)
        stages = [dataclasses.replace(stage, steps=min(stage.steps, 4)) for stage in experiment.stages]
        return dataclasses.replace(experiment, stages=stages)

    def build_to_train(config, dataset):
        """The experiment without evaluation and figures: the uninterrupted run has done these."""
        experiment = build(config, dataset)
        without = {"evaluate": nothing, "baselines": nothing, "figures": nothing, "claims": ()}
        return dataclasses.replace(experiment, **without)

    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    results = run(name, build, configured(module, *flags, f"--workdir={straight}"))
    assert json.loads((straight / "results.json").read_text()) == json.loads(json.dumps(results))
    assert results["metrics"] and results["baselines"]
    assert results["left_out"] == {}
    assert all(metric["mean"] is not None for metric in results["metrics"].values())
    assert list((straight / "figures").glob("*.png"))
    assert list(straight.glob("events*")) and (straight / "config.json").exists()
    assert [int(p.name) for p in (straight / "checkpoints").iterdir() if p.name.isdigit()]

    # What a process leaves when it is killed after its second to last checkpoint; real kills are tested in
    # tests/train.
    shutil.copytree(straight, stopped)
    (stopped / "results.json").unlink()
    shutil.rmtree(stopped / "checkpoints" / str(results["steps"]))
    capsys.readouterr()
    resumed = run(name, build_to_train, configured(module, *flags, f"--workdir={stopped}"))
    assert "resuming from step" in capsys.readouterr().out
    assert resumed["digest"] == results["digest"]
    lines = [(directory / "metrics.jsonl").read_text().splitlines() for directory in (straight, stopped)]
    of_training = [
        [line for line in each if json.loads(line)["split"] in ("train", "validation")] for each in lines
    ]
    assert of_training[0] == of_training[1]
    training = [line for line in map(json.loads, lines[0]) if line["split"] == "train"]
    steps = [line["step"] for line in training]
    assert steps == sorted(steps) and steps[-1] == results["steps"]
    # Every turn of every stage moves what it trains: at the second step, if not at the first.
    for stage in {line["stage"] for line in training}:
        norms = [line["values"] for line in training if line["stage"] == stage]
        turns = {key for line in norms for key in line if key.endswith("update_norm")}
        assert turns
        for turn in turns:
            assert any(line.get(turn, 0) > 0 for line in norms), (stage, turn)


@every_experiment
def test_its_docstring_gives_its_command(name):
    module = importlib.import_module(name)
    command = f"python {name.replace('.', '/')}.py" if name.startswith("docs.") else f"python -m {name}"
    assert command in module.__doc__
    assert module.__doc__.splitlines()[0].endswith(".")


@every_experiment
def test_a_page_that_judges_samples_says_before_it_trains_where_it_cannot(name):
    source = inspect.getsource(importlib.import_module(name))
    asks = any(f"{call}(dataset)" in source for call in ("need_judge", "is_judged"))
    assert "sample_quality(" not in source or asks

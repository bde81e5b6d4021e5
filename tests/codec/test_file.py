"""The compressed file and its command: every damage and every mix-up ends in one sentence."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn.codec import __main__ as command
from deeplearn.codec.file import compress, decompress
from deeplearn.command import exit_code
from deeplearn.errors import UserError
from deeplearn.losses.likelihoods import Logistic
from deeplearn.losses.vae import negative_elbo
from deeplearn.models.vae import VAE
from deeplearn.train import Trained
from deeplearn.train.experiment import nothing
from deeplearn.train.loop import run
from experiments.autoencoders import compression

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(30, 4, 4, 3), dtype=np.uint8)


@pytest.fixture(name="trained", scope="module")
def untrained_vae():
    model = VAE((2, 2, 1), 2, (4,), Logistic(3))
    batch = {"image": np.zeros((1, 2, 2, 1), np.float32)}
    return Trained(model, model.init(jax.random.key(0), batch, method=negative_elbo), jax.random.key(1))


def test_each_damaged_byte_and_each_cut_is_noticed(trained):
    images = RNG.integers(3, size=(5, 2, 2, 1), dtype=np.uint8)
    contents = compress(trained, images).contents
    np.testing.assert_array_equal(decompress(trained, contents, "x"), images)
    for place in range(len(contents)):
        damaged = bytearray(contents)
        damaged[place] ^= 1 << int(RNG.integers(8))
        for bad in (bytes(damaged), contents[:place]):
            with pytest.raises(UserError, match=r"^x is "):
                decompress(trained, bad, "x")


def test_what_is_not_of_the_network_s_kind_is_refused(trained):
    for images in (np.zeros((5, 3, 2, 1), np.uint8), np.full((5, 2, 2, 1), 3, np.uint8)):
        with pytest.raises(UserError, match="but the network is for 2×2×1 and 3 levels"):
            compress(trained, images)


@pytest.fixture(name="folder", scope="module")
def runs_on_a_user_s_own_images(tmp_path_factory):
    """Two runs of two steps on images.npz, which differ in their seed."""
    folder = tmp_path_factory.mktemp("codec")
    np.savez(folder / "images.npz", image=IMAGES)
    np.savez(folder / "small.npz", image=IMAGES[:, :2])
    np.savez(folder / "floats.npz", image=IMAGES / 255)

    def build(config, dataset):
        untouched = dict.fromkeys(("evaluate", "baselines", "figures"), nothing)
        experiment = compression.build(config, dataset)
        return dataclasses.replace(experiment, **untouched, claims=(), sheet=None, validate=None, best=None)

    for seed in range(2):
        config = compression.Config(
            dataset=f"npz:{folder}/images.npz",
            workdir=f"{folder}/run{seed}",
            steps=2,
            batch_size=8,
            latents=2,
            hidden=(4,),
            seed=seed,
        )
        run("autoencoders.compression", build, config, {"module": compression.__name__})
    return folder


def test_the_command_gives_a_user_s_images_back(folder, capsys):
    packed, back = f"--file={folder}/images.bb", folder / "back.npz"
    assert (
        exit_code(command.main, ["compress", f"--run={folder}/run0", f"--data=npz:{folder}/images.npz", packed])
        == 0
    )
    size = (folder / "images.bb").stat().st_size
    assert f"30×4×4×3 pixels in {size} bytes" in capsys.readouterr().out
    # What it was trained on need not be there to decompress.
    (folder / "images.npz").rename(folder / "hidden.npz")
    assert exit_code(command.main, ["decompress", f"--run={folder}/run0", packed, f"--output={back}"]) == 0
    (folder / "hidden.npz").rename(folder / "images.npz")
    found = np.load(back)
    assert found["image"].dtype == np.uint8 and found["levels"] == 256
    np.testing.assert_array_equal(found["image"], IMAGES)


def test_mistakes_end_in_one_sentence(folder, capsys):
    good = ["compress", f"--run={folder}/run0", f"--data=npz:{folder}/images.npz:test", f"--file={folder}/good.bb"]
    assert exit_code(command.main, good) == 0
    capsys.readouterr()
    contents = (folder / "good.bb").read_bytes()
    (folder / "short.bb").write_bytes(contents[:-3])
    compressing = ["compress", f"--run={folder}/run0", f"--file={folder}/x.bb"]
    decompressing = ["decompress", f"--run={folder}/run0", f"--output={folder}/x.npz"]
    for arguments, sentence in [
        ([], "are required"),
        (compressing, "are required: --data"),
        ([*compressing, f"--data=npz:{folder}/small.npz"], "the images are 2×4×3"),
        ([*compressing, f"--data=npz:{folder}/floats.npz"], "store images as uint8"),
        ([*compressing, f"--data=npz:{folder}/absent.npz"], "there is no file"),
        (["compress", f"--run={folder}", f"--data=npz:{folder}/images.npz", "--file=x"], "is not a run directory"),
        ([*good[:3], f"--file={folder}/no/x.bb"], "cannot write --file="),
        ([*decompressing, f"--file={folder}/absent.bb"], "cannot read --file="),
        ([*decompressing, f"--file={folder}/images.npz"], "is not a file of compressed images"),
        ([*decompressing, f"--file={folder}/short.bb"], "is damaged or cut short"),
        ([*good[:1], *decompressing[2:]], "are required: --run"),
        (["decompress", f"--run={folder}/run1", f"--output={folder}/x.npz", good[-1]], "with other weights"),
    ]:
        assert exit_code(command.main, arguments) == 2, arguments
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
        assert sentence in captured.err, captured.err
    assert not (folder / "x.npz").exists()

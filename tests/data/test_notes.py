import numpy as np

from deeplearn.train.loop import run
from tests.train import toy


def test_what_was_learnt_about_the_data_is_said_before_training(tmp_path, capsys):
    image = np.random.default_rng(0).integers(256, size=(40, 1, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", image=image, label=np.arange(40) % 2 * 7)
    run("toy", toy.build, toy.Config(dataset=f"npz:{tmp_path}/mine.npz", steps=1, workdir=str(tmp_path / "run")))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("toy: ") and said[0].count("32/4/4") == 1
    assert (
        said[1]
        == f"data: image in {tmp_path}/mine.npz (40, 1, 6, 6) has its 1 channel(s) first: they are moved last"
    )
    assert said[2] == f"data: labels in {tmp_path}/mine.npz are 0, 7: they are numbered in that order from 0"
    assert said[3] == "data: cut by a fixed seed: 80 % train, 10 % validation, 10 % test"
    assert any("results" in line for line in said[4:])

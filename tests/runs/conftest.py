import pytest

from deeplearn.train.loop import run
from tests.train import toy

SOURCE = {"module": toy.__name__}


@pytest.fixture(scope="session")
def train(data_dir):
    """train(directory, **values of the configuration) -> what results.json holds."""

    def train(directory, **values):
        config = toy.Config(workdir=str(directory), data_dir=values.pop("data_dir", str(data_dir)), **values)
        return run("toy", toy.build, config, SOURCE)

    return train


@pytest.fixture(scope="session")
def finished(train, tmp_path_factory):
    """(Directory of a finished run of two replicas, its results)."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    return directory, train(directory, replicas=2)

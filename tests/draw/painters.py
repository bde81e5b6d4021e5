"""A finished run that draws texts, for the tests of the programs."""

import pytest

from deeplearn.train.loop import run
from tests.draw import pages


@pytest.fixture(scope="module")
def painters(tmp_path_factory, data_dir):
    """{whether it can be asked for a text: a finished run's directory}."""
    place, found = tmp_path_factory.mktemp("painters"), {}
    for asked in (True, False):
        config = pages.Config(asked=asked, workdir=str(place / f"{asked}"), data_dir=str(data_dir))
        run("painter", pages.build, config, {"module": pages.__name__})
        found[asked] = place / f"{asked}"
    return found

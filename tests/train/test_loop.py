"""What a run says before it trains."""

import pytest

from deeplearn import data
from deeplearn.train.loop import _smaller_batches
from deeplearn.train.parallel import make_layout
from deeplearn.train.trainer import Trainer
from tests.train.toy import Config, build


@pytest.mark.parametrize(
    ("changes", "mesh", "seen"),
    [
        ({"norm": True, "accumulate": 4}, "", 4),
        ({"norm": True, "accumulate": 2, "parallel": "pmap"}, "data:2", 4),
        ({"norm": True, "parallel": "jit"}, "data:2", None),  # jit normalises over the whole batch
        ({"norm": False, "accumulate": 4}, "", None),
    ],
)
def test_smaller_batches_under_batch_norm_are_told(changes, mesh, seen, data_dir):
    config = Config(batch_size=16, **changes)
    trainer = Trainer(build(config, data.load("digits", data_dir)), config, make_layout(mesh, config.parallel))
    line = _smaller_batches(trainer)
    assert (f"over {seen} examples, not 16" in line) if seen else line == ""

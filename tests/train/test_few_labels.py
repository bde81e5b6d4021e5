"""The claims of experiments on few labels, and the stage that they share."""

import numpy as np
import optax

from deeplearn.data import Arrays
from deeplearn.losses.few_labels import few_label_loss
from deeplearn.measured import OURS
from deeplearn.train.few_labels import few_label_claims, few_label_stage


def test_there_is_a_claim_for_each_pair_and_number_of_labels():
    claims = few_label_claims((1, 5), (OURS, "twin"), ("frozen", "twin"), ours="fine-tuned")
    assert [(c.sentence, c.better, c.than, c.metric) for c in claims] == [
        ("fine-tuned beats twin at 1 label a class", OURS, "twin", "accuracy_1"),
        ("fine-tuned beats twin at 5 labels a class", OURS, "twin", "accuracy_5"),
        ("frozen beats twin at 1 label a class", "frozen", "twin", "accuracy_1"),
        ("frozen beats twin at 5 labels a class", "frozen", "twin", "accuracy_5"),
    ]


def test_a_batch_of_the_stage_is_the_whole_pool():
    pool = Arrays({"image": np.zeros((12, 2)), "label": np.zeros(12, np.int32), "row": np.arange(12)})
    stage = few_label_stage(few_label_loss, pool, optax.sgd(0.1), 7, "heads_1", "heads_5", name="heads")
    assert (stage.name, stage.steps, stage.batch_size, stage.data) == ("heads", 7, 12, pool)
    assert stage.turns[0].trains == ("heads_1", "heads_5")

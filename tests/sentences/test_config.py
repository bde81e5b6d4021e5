"""What a page on sentences refuses before it trains."""

import dataclasses

import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.sentences.config import SentenceConfig, vocabulary_of

from ..experiments.pretend import pretend
from .toy import dataset

CONFIG = SentenceConfig()


def test_sentences_with_closeness_or_labels_are_fine():
    for data in (dataset(), dataset(label=np.array([0, 0, 1, 1, 2, 2, 3, 3], np.int32))):
        assert vocabulary_of(CONFIG, data) is data.vocabulary


@pytest.mark.parametrize("name", ["digits", "text/python_docs", "translation/dates"])
def test_others_are_not(name):
    with pytest.raises(UserError, match=f"--dataset={name} has no sentences whose closeness is known"):
        vocabulary_of(CONFIG, pretend(name))


@pytest.mark.parametrize("label", [np.zeros(8), np.arange(8)])
def test_one_topic_alone_and_a_topic_each_leave_nothing_to_compare(label):
    with pytest.raises(UserError, match="the validation split of toy has no two pairs of which one is closer"):
        vocabulary_of(CONFIG, dataset(label=label.astype(np.int32)))


def test_so_does_one_closeness_for_all_pairs():
    with pytest.raises(UserError, match="the validation split of toy has no two pairs of which one is closer"):
        vocabulary_of(CONFIG, dataset(closeness=np.full(8, 5, np.float32)))


def test_heads_share_the_width():
    with pytest.raises(UserError, match="--width=30 should be a multiple of --heads=4"):
        vocabulary_of(dataclasses.replace(CONFIG, width=30), dataset())

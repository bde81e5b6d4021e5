"""The flags of a source and a target."""

import pytest

from deeplearn.data.names import absolute
from deeplearn.errors import UserError
from deeplearn.train.domains import DomainConfig
from deeplearn.train.flags import parse


def test_a_source_and_a_target_are_one_data_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = parse(DomainConfig, ["--source=folder:a@8", "--target=digits"])
    assert config.dataset == f"domains:folder:{tmp_path}/a@8,digits" == absolute("domains:folder:a@8,digits")
    assert parse(DomainConfig, [f"--dataset={config.dataset}"]).dataset == config.dataset


def test_a_comma_in_a_name_is_named_as_the_cause():
    with pytest.raises(UserError, match="--target=folder:cats,dogs has a comma"):
        parse(DomainConfig, ["--source=digits", "--target=folder:cats,dogs"])


def test_one_of_them_alone_is_a_sentence():
    with pytest.raises(UserError, match="--source and --target go together"):
        parse(DomainConfig, ["--source=digits"])

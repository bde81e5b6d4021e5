import pytest

from deeplearn.judge import train


@pytest.fixture(autouse=True)
def little_training(monkeypatch, tmp_path):
    """Few steps; and nothing is left in the user's own cache."""
    monkeypatch.setattr(train, "STEPS", (20, 20))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

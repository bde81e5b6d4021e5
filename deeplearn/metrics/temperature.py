"""Moved: pages import it from here until they use `deeplearn.judge`."""

from deeplearn.judge.temperature import fitted_temperature

__all__ = ["fitted_temperature"]

"""L1's exact zeros."""

import numpy as np

from deeplearn.optim.penalties import fraction_of_zeros
from deeplearn.train.fit import fit
from experiments.foundations import regularization

from .pretend import pretend


def test_l1_alone_leaves_exact_zeros_and_more_the_stronger_it_is():
    config = regularization.Config(steps=60, batch_size=8, width=8, log_every=60)
    trained = fit(regularization.build(config, pretend("digits")), config)
    for method in regularization.STRENGTHS:
        zeros = fraction_of_zeros(trained[method].variables["params"])
        assert zeros.shape == (5 * len(regularization.STRENGTHS[method]),)
        if method != "l1":
            assert not zeros.any()
    by_strength = fraction_of_zeros(trained["l1"].variables["params"]).reshape(5, -1).mean(0)
    assert np.all(np.diff(by_strength) > 0) and by_strength[-1] > 0.05

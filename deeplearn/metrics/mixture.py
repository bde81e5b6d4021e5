"""Mode collapse on a mixture of Gaussians whose modes are known."""

import chex
import numpy as np


def mode_coverage(samples: np.ndarray, means: np.ndarray, sigma: float) -> dict[str, float]:
    """How many of the data's modes a generator covers, and how close its samples are to them.

    A sample is of high quality when it lies less than three standard deviations (Euclidean distance)
    from its nearest mode; a mode is captured when at least one high-quality sample is nearest to it.
    The count of modes flatters a generator that sprays the whole plane, so read the three together.

    Sources: VEEGAN (Srivastava et al. 2017, section 4.1) for the modes and the high-quality samples;
    PacGAN (Lin et al. 2018, section 4.1) for the reverse KL, as its released code reads
    (`MetricLogger` in fjxmlzn/PacGAN, which logs the entropy of the histogram below).

    Args:
        samples: [N, D] generated points, N = 2500 in both papers. A point that is not finite counts as
            one of low quality.
        means: [K, D] centres of the equally likely modes.
        sigma: standard deviation of each mode, in the units of the samples.

    Returns:
        modes: the number of captured modes, 0 to K.
        high_quality: the fraction of samples of high quality, 0 to 1. The data itself does not reach 1:
            in two dimensions its fraction is 1 − exp(−9/2) = .989.
        reverse_kl: KL(model ‖ data) over the modes in nats, ln K − H(histogram of the high-quality
            samples): 0 when all modes are equally frequent, ln K when all samples sit on one mode, and
            ln K by definition when no sample is of high quality.
    """
    chex.assert_rank([samples, means], 2)
    chex.assert_equal_shape_suffix([samples, means], 1)
    distances = np.linalg.norm(samples[:, None] - means[None], axis=-1)  # [N, K]
    good = distances.min(axis=1) < 3 * sigma
    found = modes_of(distances[good].argmin(axis=1), len(means))
    return {"modes": found["modes"], "high_quality": float(good.mean()), "reverse_kl": found["reverse_kl"]}


def modes_of(labels: np.ndarray, count: int) -> dict[str, float]:
    """How many of `count` equally likely modes occur among labels [N], and the KL(model ‖ data) over them in nats.

    The KL is ln count − H(histogram): ln count by definition without labels. Of N labels of a perfect model it is
    about (count − 1) / 2N, not 0.
    """
    histogram = np.bincount(labels, minlength=count)
    frequencies = histogram[histogram > 0] / max(histogram.sum(), 1)
    entropy = -np.sum(frequencies * np.log(frequencies))  # of an empty histogram: 0
    return {"modes": int(np.count_nonzero(histogram)), "reverse_kl": float(np.log(count) - entropy)}

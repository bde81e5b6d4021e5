"""Scikit-image's PSNR and structural similarity of random pictures, for tests/metrics/test_pictures.py.

Written with scikit-image 0.26.0 into structure.npz.
"""

from pathlib import Path

import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

if __name__ == "__main__":
    generator = np.random.default_rng(0)
    results = {}
    for name, shape in (("colour", (3, 13, 16, 3)), ("grey", (2, 11, 20, 1))):
        truth = generator.uniform(size=shape).astype(np.float32)
        noise = generator.normal(size=shape) * np.array([0.02, 0.2, 0.5])[: len(truth), None, None, None]
        made = np.clip(truth + noise, 0, 1).astype(np.float32)
        results |= {f"truth {name}": truth, f"made {name}": made}
        results[f"ssim {name}"] = np.array(
            [
                structural_similarity(
                    a.astype(np.float64),
                    b.astype(np.float64),
                    data_range=1.0,
                    channel_axis=-1,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for a, b in zip(truth, made, strict=True)
            ]
        )
        results[f"psnr {name}"] = np.array(
            [peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(truth, made, strict=True)]
        )
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **results)
    print(skimage.__version__, path.stat().st_size, "bytes")

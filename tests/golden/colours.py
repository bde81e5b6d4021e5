"""Torchvision's colour adjustments of random images, for tests/data/test_augmentation.py.

Written with torch 2.13.0 and torchvision 0.28.0 into colours.npz.
"""

from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.transforms.functional import adjust_brightness, adjust_contrast, adjust_saturation

FACTORS = (0.0, 0.6, 1.0, 1.7)

if __name__ == "__main__":
    generator = np.random.default_rng(0)
    results = {"factors": np.array(FACTORS, np.float32)}
    for name, channels in (("colour", 3), ("grey", 1)):
        images = generator.uniform(size=(len(FACTORS), channels, 5, 7)).astype(np.float32)
        results[name] = images.transpose(0, 2, 3, 1)
        for adjust in (adjust_brightness, adjust_contrast, adjust_saturation):
            adjusted = [
                adjust(torch.tensor(image), factor).numpy() for image, factor in zip(images, FACTORS, strict=True)
            ]
            results[f"{adjust.__name__} {name}"] = np.array(adjusted).transpose(0, 2, 3, 1)
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **results)
    print(torch.__version__, torchvision.__version__, path.stat().st_size, "bytes")

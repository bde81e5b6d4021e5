# ruff: noqa: E402 (the recipe is beside other tests)
"""Features, logits and distances of the network by which FIDs are measured, narrow and with random weights.

    python tests/golden/inception_fid.py

Made with torch 2.14.1, torchvision 0.29.1 and pytorch-fid 0.3.0, its modules with all widths divided by 4. Weights
and images are those of tests/weights/recipe.py.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "weights"))

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from pytorch_fid import inception as fid
from pytorch_fid.fid_score import calculate_frechet_distance
from recipe import random_images, random_tensors
from torch import nn

DIVIDE, CLASSES = 4, 12


def narrow(module):
    """All widths divided, but for the image's channels and the classes."""

    def width(n):
        return n if n in (3, CLASSES) else n // DIVIDE

    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            child.in_channels, child.out_channels = width(child.in_channels), width(child.out_channels)
            child.weight = nn.Parameter(torch.empty(child.out_channels, child.in_channels, *child.kernel_size))
        elif isinstance(child, nn.BatchNorm2d):
            count = width(child.num_features)
            child.weight, child.bias = nn.Parameter(torch.empty(count)), nn.Parameter(torch.empty(count))
            child.running_mean, child.running_var = torch.empty(count), torch.empty(count)
        elif isinstance(child, nn.Linear):
            child.weight = nn.Parameter(torch.empty(CLASSES, width(child.in_features)))
    return module


def network():
    """pytorch_fid.inception.fid_inception_v3 without its download."""
    net = torchvision.models.Inception3(num_classes=CLASSES, aux_logits=False, init_weights=False)
    net.Mixed_5b = fid.FIDInceptionA(192, pool_features=32)
    net.Mixed_5c = fid.FIDInceptionA(256, pool_features=64)
    net.Mixed_5d = fid.FIDInceptionA(288, pool_features=64)
    net.Mixed_6b = fid.FIDInceptionC(768, channels_7x7=128)
    net.Mixed_6c = fid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6d = fid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6e = fid.FIDInceptionC(768, channels_7x7=192)
    net.Mixed_7b = fid.FIDInceptionE_1(1280)
    net.Mixed_7c = fid.FIDInceptionE_2(2048)
    return narrow(net).eval()


def features(net, images):
    """Of the last pooling: what the port's block 3 gives; and logits."""
    found = []
    handle = net.avgpool.register_forward_hook(lambda module, inputs, output: found.append(output.flatten(1)))
    logits = net(images)
    handle.remove()
    return found[0], logits


if __name__ == "__main__":
    net = network()
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    random = random_tensors(shapes, False)
    net.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in random.items()})
    images = torch.from_numpy(random_images(20, count=3).transpose(0, 3, 1, 2).copy()).sigmoid()
    with torch.no_grad():
        large = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False)  # as the port does
        pooled, logits = (x.numpy() for x in features(net, 2 * large - 1))
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 6)), 0.5 * rng.normal(size=(30, 6)) + 0.3
    distance = calculate_frechet_distance(
        first.mean(0), np.cov(first, rowvar=False), second.mean(0), np.cov(second, rowvar=False)
    )
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(
        path,
        shapes=np.frombuffer(json.dumps(shapes).encode(), np.uint8),
        features=pooled,
        logits=logits,
        resized=large.numpy()[0, :, 100:110, 200:210],
        distance=distance,
    )
    print(torch.__version__, torchvision.__version__, fid.__name__, pooled.std(), path.stat().st_size, "bytes")

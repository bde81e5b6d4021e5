"""From a picture file to what a network was trained on: resize, crop the centre, normalise."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from PIL import Image

from deeplearn.data.pictures import read_picture
from deeplearn.errors import UserError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# Caffe's, as in Keras: blue first, 0 to 255, only the means subtracted. For x in [0, 1] the std is then 1/255.
CAFFE = ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255))
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
LARGEST = 2**14  # pixels a side


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Shorter side to `resize` pixels, the central `height` × `width`, then (x − mean)/std for x in [0, 1].

    Means and standard deviations are per channel, in the order of the channels: one for grey images, else three.
    """

    height: int
    width: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    blue_first: bool = False
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        """ValueError where no picture can be prepared so."""
        sides = self.height, self.width, self.resize
        if not all(isinstance(side, int) and 1 <= side <= LARGEST for side in sides):
            raise ValueError(f"images of {self.height}×{self.width} from {self.resize} pixels a side")
        if self.resize < max(self.height, self.width):
            raise ValueError(
                f"a crop of {self.height}×{self.width} from {self.resize} pixels a side is larger than it"
            )
        if len(self.mean) not in (1, 3) or len(self.std) != len(self.mean):
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} standard deviations")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise ValueError(f"means {self.mean} and standard deviations {self.std}")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r}: there are {', '.join(INTERPOLATIONS)}")

    def __str__(self) -> str:
        order = "grey" if len(self.mean) == 1 else "blue, green, red" if self.blue_first else "red, green, blue"
        mean, std = (", ".join(f"{x:.4g}" for x in values) for values in (self.mean, self.std))
        return (
            f"shorter side to {self.resize} pixels ({self.interpolation}), central {self.height}×{self.width}, "
            f"{order} in [0, 1], minus ({mean}), over ({std})"
        )

    def read(self, path: Path) -> np.ndarray:
        """The picture in a file, turned as the camera noted: [height, width, channels] float32, or a UserError."""
        picture = read_picture(path).convert("L" if len(self.mean) == 1 else "RGB")
        if max(picture.size) * self.resize > 8 * LARGEST * min(picture.size):
            width, height = picture.size
            raise UserError(f"{path} has {width}×{height} pixels: cut out the part that matters")
        return self(picture)

    def __call__(self, picture: Image.Image) -> np.ndarray:
        # Rounded as torchvision's Resize and CenterCrop do.
        shorter = min(picture.size)
        width, height = (self.resize * side // shorter for side in picture.size)
        resized = picture.resize((width, height), Image.Resampling[self.interpolation.upper()])
        left, top = round((width - self.width) / 2), round((height - self.height) / 2)
        x = np.asarray(resized.crop((left, top, left + self.width, top + self.height)), np.float32) / 255
        x = x.reshape(self.height, self.width, len(self.mean))[..., :: -1 if self.blue_first else 1]
        return (x - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)


def as_they_are(height: int, width: int, channels: int) -> Preprocessing:
    """Cut and resized to so many pixels, of values from 0 to 1: what a run of ours sees of a picture."""
    return Preprocessing(height, width, max(height, width), (0.0,) * channels, (1.0,) * channels)


def of_library(library: str, network: str, side: int) -> Preprocessing:
    """What a library's pretrained networks were trained with; `network` is the class, as in "ResNet".

    torchvision and timm: side / .875 (256 for 224), ImageNet's statistics, or ½ and ½ for the Inceptions (there
    torchvision converts inside the network; we do not) and timm's MobileNet-v1. Keras, by its modes: "caffe" for
    VGG and ResNet, "torch" for DenseNet, "tf" for the others; the crop is ours, since Keras leaves it to its user.
    """
    if library == "Keras":
        mean, std = {"VGG": CAFFE, "ResNet": CAFFE, "DenseNet": IMAGENET}.get(network, HALF)
        caffe = network in ("VGG", "ResNet")
        return Preprocessing(side, side, round(side / 0.875), mean, std, blue_first=caffe)
    mean, std = HALF if network in ("GoogLeNet", "InceptionV3", "MobileNet") else IMAGENET
    how = "bicubic" if library == "timm" else "bilinear"
    return Preprocessing(side, side, round(side / 0.875), mean, std, interpolation=how)

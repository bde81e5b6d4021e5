"""Vectors of random pictures by the picture encoder of the folder text_encoders/clip, as transformers gives them.

    python tests/golden/clip_pictures.py

Made with transformers 5.24.0 and torch 2.14.1. clip_pictures.npz has prepared pictures [batch, height, width,
channels], their vectors in the space of texts, and the last hidden states before the last norm; and a photograph
uint8 with what CLIP's own preparation makes of it for 4 pixels a side.
"""

from pathlib import Path

import numpy as np
import torch
import transformers as hf
from PIL import Image

HERE = Path(__file__).resolve().parent


def main():
    model = hf.CLIPModel.from_pretrained(HERE / "text_encoders" / "clip").eval()
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 4, 4, 3)).astype(np.float32)
    photo = rng.integers(256, size=(12, 9, 3), dtype=np.uint8)
    pixels = torch.from_numpy(np.moveaxis(images, -1, 1).copy())
    with torch.no_grad():
        found = model.vision_model(pixel_values=pixels)
        vectors = model.visual_projection(found.pooler_output)
    prepare = hf.CLIPImageProcessorPil(size={"shortest_edge": 4}, crop_size=4)
    prepared = np.moveaxis(
        np.asarray(prepare(Image.fromarray(photo), return_tensors="np")["pixel_values"][0]), 0, -1
    )
    np.savez_compressed(
        HERE / "clip_pictures.npz",
        images=images,
        hidden=found.last_hidden_state.numpy(),
        vectors=vectors.numpy(),
        scale=float(model.logit_scale.exp().detach()),
        photo=photo,
        prepared=prepared.astype(np.float32),
    )
    print(vectors.shape, prepared.shape, float(vectors.std()))


if __name__ == "__main__":
    main()

"""Texts as vectors by a pretrained text encoder, from a folder of the library transformers.

    encoder = TextEncoder.open("all-MiniLM-L6-v2")
    encoder.vectors(["a cat", "a dog"])          # [2, 384]
    states, lengths = encoder.states(["a cat"])  # [1, 4, 384], [4]

The command is `python -m deeplearn.embed --help`.
"""

from deeplearn.embed.text_encoder import TextEncoder

__all__ = ["TextEncoder"]

"""What torch's CTCLoss gives, for tests/losses/test_ctc.py. With torch 2.13.0 it wrote ctc.npz.

Random logits of unequal lengths and labellings of unequal lengths, with repeated tokens, one labelling that is
empty and one that does not fit into its steps: the loss of each sequence in nats, and the gradient of their sum in
the logits (with zero_infinity, so the last has none).
"""

from pathlib import Path

import numpy as np
import torch

generator = np.random.default_rng(0)
logits = torch.tensor(generator.normal(size=(6, 12, 5)).astype(np.float32) * 2, requires_grad=True)
steps = torch.tensor([12, 9, 7, 4, 12, 3])
tokens = torch.tensor(
    [
        [1, 2, 3, 4, 1],
        [3, 3, 2, 0, 0],
        [4, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [2, 2, 2, 2, 2],
        [1, 1, 2, 0, 0],
    ]
)
lengths = torch.tensor([5, 3, 1, 0, 5, 3])
log_probs = torch.log_softmax(logits, -1).transpose(0, 1)
loss = torch.nn.CTCLoss(blank=0, reduction="none", zero_infinity=True)(log_probs, tokens, steps, lengths)
loss.sum().backward()
if __name__ == "__main__":
    np.savez_compressed(
        Path(__file__).with_suffix(".npz"),
        logits=logits.detach().numpy(),
        steps=steps.numpy().astype(np.int32),
        tokens=tokens.numpy().astype(np.int32),
        lengths=lengths.numpy().astype(np.int32),
        loss=loss.detach().numpy(),
        gradient=logits.grad.numpy(),
    )

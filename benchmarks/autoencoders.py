"""The train step of two autoencoders against torch's: float32, Adam, batch 128 of 784 pixels, one thread and two.

784-128-64-32 and back with ReLU and squared error, and a tied sigmoid layer of 128 units with the contractive
penalty in closed form. Ours is the loop of a run: its stream of batches, its norms, its check for infinities.
torch's is forward, backward and Adam's fused step on batches in memory. A second torch beside the first shows the
noise. Each number of threads is a process of its own, bound to as many cores, since XLA fixes its threads when it
starts.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from benchmarks.paired import interleaved, ratio

BATCH, PIXELS, STEPS, ROUNDS = 128, 784, 200, 11
WEIGHT = 0.1  # λ of the contractive penalty
NAMES = ("autoencoder", "contractive")
X = np.random.default_rng(0).uniform(size=(8 * BATCH, PIXELS)).astype(np.float32)


def ours(name: str) -> Callable[[], None]:
    import jax

    from deeplearn.data import Arrays, Dataset
    from deeplearn.train.launch import parse
    from deeplearn.train.parallel import Layout
    from deeplearn.train.trainer import Trainer
    from experiments.autoencoders import autoencoder, contractive

    labels = (np.arange(len(X)) % 10).astype(np.int32)
    split = Arrays({"image": X.reshape(-1, 28, 28, 1), "label": labels})
    dataset = Dataset("noise", split, split, split, classes=tuple("0123456789"), levels=256)
    module = {"autoencoder": autoencoder, "contractive": contractive}[name]
    flags = {"autoencoder": "--codes=32", "contractive": f"--contraction={WEIGHT}"}[name]
    config = parse(module.Config, [flags, f"--batch_size={BATCH}", "--steps=1000000", "--checkpoint_every=1000000"])
    experiment = module.build(config, dataset)
    # One network, Adam at a constant rate's cost, no moving average: what torch does.
    stages = [dataclasses.replace(s, turns=s.turns[:1], ema=None) for s in experiment.stages]
    trainer = Trainer(dataclasses.replace(experiment, stages=stages), config, Layout())
    carry = [trainer.initial(), 0]

    def train() -> None:
        end = carry[1] + STEPS
        while carry[1] < end:
            carry[0], _, carry[1] = trainer.advance(carry[0], carry[1])
        jax.block_until_ready(carry[0])

    return train


def torchs(name: str, threads: int) -> Callable[[], None]:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(threads)
    batches = torch.from_numpy(X).split(BATCH)

    def deep() -> tuple[list[torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]:
        widths = [PIXELS, 128, 64, 32, 64, 128, PIXELS]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after)] + ([nn.ReLU()] if after not in (32, PIXELS) else [])
        network = nn.Sequential(*layers, nn.Sigmoid())
        return list(network.parameters()), lambda x: functional.mse_loss(network(x), x)

    def contractive() -> tuple[list[torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]:
        kernel = nn.Parameter(torch.empty(128, PIXELS))
        nn.init.xavier_uniform_(kernel)
        bias, visible = nn.Parameter(torch.zeros(128)), nn.Parameter(torch.zeros(PIXELS))

        def loss(x: torch.Tensor) -> torch.Tensor:
            h = torch.sigmoid(functional.linear(x, kernel, bias))
            error = functional.binary_cross_entropy_with_logits(h @ kernel + visible, x, reduction="none")
            penalty = ((h * (1 - h)) ** 2) @ (kernel**2).sum(1)
            return error.sum(-1).mean() + WEIGHT * penalty.mean()

        return [kernel, bias, visible], loss

    parameters, loss = {"autoencoder": deep, "contractive": contractive}[name]()
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def train() -> None:
        for number in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            loss(batches[number % len(batches)]).backward()
            optimizer.step()

    return train


def compare(threads: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in NAMES:
        things = {"torch": torchs(name, threads), "torch again": torchs(name, threads), "ours": ours(name)}
        seconds = interleaved(things, ROUNDS)
        print(f"{name}, {threads} thread(s), {STEPS} steps a round, {ROUNDS} rounds interleaved")
        for thing, values in seconds.items():
            median, low, high = ratio(seconds, thing, "torch")
            milliseconds = 1e3 * statistics.median(values) / STEPS
            print(f"  {thing:12s} {milliseconds:6.2f} ms a step   ratio {median:.2f} ({low:.2f} to {high:.2f})")


def main() -> None:
    if importlib.util.find_spec("torch") is None:
        print("autoencoders against torch: skipped, since torch is not here; `pip install torch` and run it again")
        return
    if not hasattr(os, "sched_setaffinity"):
        print("autoencoders against torch: skipped, since this system cannot bind a process to cores")
        return
    for threads in (1, 2):
        if len(os.sched_getaffinity(0)) >= threads:
            sys.stdout.flush()
            subprocess.run([sys.executable, "-m", "benchmarks.autoencoders", str(threads)], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compare(int(sys.argv[1]))
    else:
        main()

"""What torch's optimisers and schedules do in 100 steps, for tests/optim.

Written with torch 2.13.0 into optimizers.npz.

A kernel [4, 3] and a bias [3] start at random. On the "quadratic" the gradient is A w − b at the weights of the
moment; "fixed" gradients are drawn beforehand. L2 and AdamW's decay are given to the kernel only.
"""

from pathlib import Path

import numpy as np
import torch

STEPS = 100
KEPT = (1, 2, 10, 100)
RATES = {
    "sgd": 0.03,
    "momentum": 0.01,
    "nesterov": 0.01,
    "rmsprop": 0.01,
    "adam": 0.03,
    "adamw": 0.03,
    "adagrad": 0.2,
}
SETTINGS = {
    "plain": {},
    "l2": {"l2": 0.3},
    "clip": {"clip": 1.0},
    "decay": {"decay": 0.3},
    "half": {"momentum": 0.5},
}


def optimizer(name, groups, momentum):
    rate = RATES[name]
    if name in ("sgd", "momentum", "nesterov"):
        return torch.optim.SGD(
            groups, lr=rate, momentum=0 if name == "sgd" else momentum, nesterov=name == "nesterov"
        )
    if name in ("adam", "adamw"):
        betas = (momentum, 0.999)
        return (torch.optim.Adam if name == "adam" else torch.optim.AdamW)(groups, lr=rate, betas=betas)
    return {"rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}[name](groups, lr=rate)


def run(name, problem, arrays, l2=None, clip=None, decay=None, momentum=0.9):
    start, matrix, target, gradients = (
        torch.tensor(arrays[key]) for key in ("start", "matrix", "target", "gradients")
    )
    kernel = start[:12].reshape(4, 3).clone().requires_grad_()
    bias = start[12:].clone().requires_grad_()
    of_kernel, of_bias = {"params": [kernel]}, {"params": [bias]}
    if l2 is not None or decay is not None:
        of_kernel["weight_decay"] = l2 if l2 is not None else decay
    if name == "adamw":
        of_bias["weight_decay"] = 0.0
    rule = optimizer(name, [of_kernel, of_bias], momentum)
    kept = []
    for step in range(STEPS):
        with torch.no_grad():
            weights = torch.cat([kernel.ravel(), bias])
            gradient = gradients[step] if problem == "fixed" else matrix @ weights - target
        kernel.grad, bias.grad = gradient[:12].reshape(4, 3).clone(), gradient[12:].clone()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([kernel, bias], clip)
        rule.step()
        if step + 1 in KEPT:
            kept.append(torch.cat([kernel.ravel(), bias]).detach().numpy().copy())
    return np.array(kept, np.float32)


def rates(scheduler, **settings):
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule = scheduler(rule, **settings)
    seen = []
    for _ in range(STEPS):
        seen.append(rule.param_groups[0]["lr"])
        rule.step()
        schedule.step()
    return np.array(seen, np.float32)


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    factor = generator.normal(size=(15, 15))
    arrays = {
        "start": generator.normal(size=15),
        "matrix": factor @ factor.T / 15 + 0.1 * np.eye(15),
        "target": generator.normal(size=15),
        "gradients": generator.normal(size=(STEPS, 15)) * np.exp(generator.normal(size=15)),
    }
    arrays = {name: value.astype(np.float32).astype(np.float64) for name, value in arrays.items()}
    results = {}
    for name in RATES:
        for setting, options in SETTINGS.items():
            if (setting == "l2" and name == "adamw") or (setting == "decay" and name != "adamw"):
                continue  # torch knows one of the two for each
            if setting == "half" and name in ("sgd", "rmsprop", "adagrad"):
                continue
            for problem in ("quadratic", "fixed"):
                results[f"{name} {setting} {problem}"] = run(name, problem, arrays, **options)
    lr_scheduler = torch.optim.lr_scheduler
    results["schedule cosine"] = rates(lr_scheduler.CosineAnnealingLR, T_max=STEPS)
    results["schedule step"] = rates(lr_scheduler.MultiStepLR, milestones=[50, 75])
    results["schedule linear"] = rates(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=STEPS)
    results["schedule inverse_time"] = rates(lr_scheduler.LambdaLR, lr_lambda=lambda t: 1 / (1 + 10 * t / STEPS))
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, **{name: value.astype(np.float32) for name, value in arrays.items()}, **results)
    print(torch.__version__, path.stat().st_size, "bytes")

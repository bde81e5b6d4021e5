"""Speech to words: log-mel frames, convolutions, a bidirectional LSTM, connectionist temporal classification.

    python -m experiments.sequences.speech --replicas=5
    python -m experiments.sequences.speech --dataset=speech:DIR --steps=5000
    python -m deeplearn.runs ask --run=RUN --file=SPOKEN.wav

Nobody says where in a recording a word is: the loss sums over all alignments of the text (Graves et al. 2006). The
layers are those of Deep Speech 2 (Amodei et al. 2015). The rival hears only what came before: its LSTM runs forward
only, with as many parameters. Transcripts are found by prefix beam search; `greedy_wer` is of the best path.

The default data, `speech/digits`, are strings of digits by eSpeak NG, in voices that training never heard. `wer` is
the word error rate: words inserted, left out and exchanged, by the number of words. Baseline: dynamic time warping
of connected words, with recordings of single words as templates. `--dataset=speech_commands` is TFDS's; your own
`speech:DIR` holds WAV files beside a metadata.csv.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.time_warping import time_warping
from deeplearn.data import Arrays, Dataset
from deeplearn.data.sound import read_wav
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars
from deeplearn.figures.sound import posteriors
from deeplearn.figures.text import text_image
from deeplearn.losses.ctc import alignable, ctc
from deeplearn.metrics.edit_distance import word_error_rate
from deeplearn.models.speech import SpeechRecogniser, forward_width
from deeplearn.nn.ctc import greedy, prefix_beam

WARP = "dynamic time warping"


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "speech/digits"
    steps: int = 400
    batch_size: int = 32
    learning_rate: float = 3e-3
    clip: float = 1.0
    filters: tuple[int, ...] = dl.flag((16, 16), "features of each convolution", min=1)
    time_windows: tuple[int, ...] = dl.flag((3, 3), "frames under each convolution's window", min=1)
    mel_windows: tuple[int, ...] = dl.flag((3, 3), "mel bands under each convolution's window", min=1)
    time_strides: tuple[int, ...] = dl.flag((2, 2), "steps in time of each convolution; in frequency 2", min=1)
    features: int = dl.flag(64, "units of the LSTM in each direction", min=1)
    layers: int = dl.flag(1, "layers of the LSTM", min=1)
    dropout: float = dl.flag(0.1, "fraction dropped before each LSTM layer and the outputs", min=0, max=0.9)
    beam: int = dl.flag(8, "prefixes kept by the search", min=1)

    # Deep Speech 2 with the sizes of OpenSeq2Seq; there over 160 bins of a spectrum, here over 40 mel bands.
    PAPER = {
        "filters": (32, 32),
        "time_windows": (11, 11),
        "mel_windows": (41, 21),
        "time_strides": (2, 1),
        "features": 800,
        "layers": 5,
        "dropout": 0.0,
        "beam": 64,
        "steps": 100_000,
        "learning_rate": 3e-4,
    }
    TINY = {"filters": (2, 2), "features": 4, "beam": 2}


def recognise(model: SpeechRecogniser, batch: dl.Batch) -> dl.Losses:
    logits, steps = model(batch["sound"], batch["sound_length"], train=True)
    nll = ctc(logits, steps, batch["tokens"], batch["length"])
    return nll, {"nll": nll}


def likelihood(model: SpeechRecogniser, batch: dl.Batch) -> dl.Metrics:
    logits, steps = model(batch["sound"], batch["sound_length"])
    return {"nll": ctc(logits, steps, batch["tokens"], batch["length"])}


def hear(model: SpeechRecogniser, batch: dl.Batch, beam: int) -> dict[str, jax.Array]:
    """Tokens by prefix beam search, and those of the best path; both padded with the blank."""
    logits, steps = model(batch["sound"], batch["sound_length"])
    log_probs = jax.nn.log_softmax(logits.astype(jnp.float32))
    return {"beam": prefix_beam(log_probs, steps, beam)[0], "greedy": greedy(log_probs, steps)[0]}


def listen(model: SpeechRecogniser, sound: jax.Array, length: jax.Array) -> jax.Array:
    """Probabilities [1, steps, symbols] of each step of one recording [1, time, mels]."""
    return jax.nn.softmax(model(sound, length)[0])


def transcripts(trained: dl.Trained, dataset: Dataset, rows: dl.Batch) -> dict[str, list[str]]:
    assert dataset.vocabulary is not None
    sound = {name: rows[name] for name in ("sound", "sound_length")}
    found = trained.over(hear, sound, size=100, beam=trained.config.beam)
    return {how: [dataset.vocabulary.text(one) for one in tokens] for how, tokens in found.items()}


def said(dataset: Dataset, texts: np.ndarray) -> list[str]:
    """Texts as their tokens write them, so that signs stand apart from words where transcripts have them so."""
    assert dataset.vocabulary is not None
    return [dataset.vocabulary.join(dataset.vocabulary.cut(text)) for text in texts]


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    found, true = transcripts(trained, dataset, test), said(dataset, test["text"])
    metrics = {
        "wer": word_error_rate(found["beam"], true),
        "greedy_wer": word_error_rate(found["greedy"], true),
        **trained.mean(likelihood, test, size=100),
    }
    return dl.ours(metrics, transcripts=found["beam"])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return time_warping(dataset)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = dataset.test.arrays(8)
    found = transcripts(trained["bidirectional"], dataset, rows)["beam"]
    pairs = zip(said(dataset, rows["text"]), found, strict=True)
    return text_image("\n".join(f"said  {one[:70]}\nheard {other[:70]}\n" for one, other in pairs))


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    sound, _ = read_wav(question)
    rows = {"sound": sound[None], "sound_length": np.array([len(sound)], np.int32)}
    return transcripts(trained["bidirectional"], dataset, rows)["beam"][0] or "(no word was heard)"


def figures(report: dl.Report) -> dict[str, Any]:
    error: dict[str, Any] = report.spread("wer", ours="bidirectional")
    error |= {WARP: report.rows[WARP].metrics["wer"]} if WARP in report.rows else {}
    test = report.dataset.test.arrays(20)
    row = int(np.argsort(test["sound_length"])[len(test["sound_length"]) // 2])
    sound = test["sound"][row, : test["sound_length"][row]]

    def over_time() -> Any:
        trained = report.trained["bidirectional"]
        chances = np.asarray(trained(listen, sound[None], np.array([len(sound)], np.int32)))[0]
        symbols = report.dataset.vocabulary.tokens  # type: ignore[union-attr]
        heard = report.ours.arrays["transcripts"][row]
        return posteriors(sound, chances, symbols, f"said: {test['text'][row]}; heard: {heard}")

    return {"posteriors": over_time, "word_error": lambda: bars(error, "word error rate, held-out recordings")}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    spec = dataset.train.spec
    if not {"sound", "tokens"} <= set(spec) or dataset.vocabulary is None:
        raise UserError(
            f"--dataset={config.dataset} has no recordings with texts: choose speech/digits or speech:DIR"
        )
    sides = (config.filters, config.time_windows, config.mel_windows, config.time_strides)
    if len({len(side) for side in sides}) > 1:
        raise UserError("--filters, --time_windows, --mel_windows and --time_strides are one number a convolution")

    def fitting() -> int:
        assert isinstance(dataset.train, Arrays)  # as all sets with sound are
        steps, *labelling = map(dataset.train.column, ("sound_length", "tokens", "length"))
        for stride in config.time_strides:
            steps = -(-steps // stride)
        return int(alignable(jnp.asarray(steps), *map(jnp.asarray, labelling)).sum())

    if not dataset.fact(f"recordings that can be aligned at strides {config.time_strides}", fitting):
        raise UserError(f"every recording of {dataset.name} is too short for its text: smaller --time_strides")
    both = SpeechRecogniser(
        symbols=len(dataset.vocabulary),
        filters=config.filters,
        windows=tuple(zip(config.time_windows, config.mel_windows, strict=True)),
        strides=tuple((stride, 2) for stride in config.time_strides),
        features=config.features,
        layers=config.layers,
        dropout=config.dropout,
    )
    forward = both.clone(features=forward_width(both, spec["sound"].shape[-1]), bidirectional=False)
    stages = [dl.Stage([dl.Turn(recognise)], config.chain(), config.steps)]
    rivals = {
        "bidirectional": dl.Rival(both, stages, evaluate, likelihood),
        "forward": dl.Rival(forward, stages, evaluate, likelihood, row="forward only"),
    }
    claims = [
        dl.Claim("to hear what follows lowers the word error rate", dl.OURS, "forward only", "-wer"),
        dl.Claim("trained networks hear better than time warping", dl.OURS, WARP, "-wer"),
    ]
    return dl.side_by_side(
        rivals,
        data=dataset,
        best="-bidirectional/nll",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        answer=answer,
        claims=claims,
    )


if __name__ == "__main__":
    dl.launch(Config, build)

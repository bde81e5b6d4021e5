"""How a game goes wrong, by the metrics of `deeplearn.adversarial.turns.state_of_play`."""

from __future__ import annotations

from deeplearn import train as dl

ALARMS = (
    dl.Alarm("spread", "the generated examples of a batch are nearly the same, a mode collapse", below=0.1),
    dl.Alarm("won", "the discriminator has won: it tells nearly every pair apart", above=0.999),
    dl.Alarm("gap", "the discriminator's outputs run away: the game diverges", above=1e4),
)

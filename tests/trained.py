"""Runs that tests look at and never change, and the settings of quick ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ONE_EPOCH: Mapping[str, object] = {"size": 32, "epochs": 1, "model.width": 4, "model.encoder": "none"}
"""The quickest training."""

TWO_EPOCHS: Mapping[str, object] = {
    "size": 32,
    "model.width": 4,
    "batch_size": 2,
    "epochs": 2,
    "device": "cpu",
    "optim.decay": "none",
    "train.snapshot_every": 2,
    "train.samples": 1,
    "train.keep": "last",
}
"""A quick training on an encoder that ends in the same bytes when it is stopped between its epochs and resumed."""

FROM_RANDOM_WEIGHTS: Mapping[str, object] = {
    "model.encoder": "none",
    "model.norm": "instance",
    "augment.scale": [0.9, 1.25],
    "batch_size": 1,
    "loss.adversarial_weight": 0.1,
    "loss.deep_supervision": 0.0,
    "optim.optimizer": "adam",
    "optim.learning_rate": 2e-4,
    "optim.beta1": 0.5,
    "optim.decay": "none",
}
"""Changes of the preset `recommended`: both networks of pix2pix, as the config's defaults have them."""


@dataclass(frozen=True)
class TinyRun:
    """A finished run of 4 epochs with a snapshot after each, and the streets that it was trained on."""

    path: Path
    data: Path

"""A run that tests look at and never change."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TinyRun:
    """A finished run of 4 epochs with a snapshot after each, and the streets that it was trained on."""

    path: Path
    data: Path

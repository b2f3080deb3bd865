"""How an experiment differs from a preset or from another experiment, as people are told."""

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pairloom.config import Experiment
from pairloom.errors import UserError
from pairloom.settings import in_yaml, preset_names, preset_values, setting_values

_OF_A_MACHINE = frozenset({"train.device", "train.devices", "model.backbone"})
_FROM_DATA = frozenset(
    {
        *(f"data.{name}" for name in ("root", "layout", "target", "palette", "range", "no_reading", "source_range")),
        *("data.source_no_reading", "data.license", "model.in_channels", "model.out_channels"),
    }
)
"""Settings that training fills in from the data where the user says nothing."""
_RESOLVED = ("depth", "fine_width", "discriminator_width")
"""Settings of the model that `Experiment.resolved` fills in from others."""


def nearest_preset(experiment: Experiment) -> tuple[str, dict[str, object]]:
    """Return the preset that an experiment shares the most settings with, and by full name those that it does not.

    What is read from the data is not compared: layout, classes, ranges; nor is the device.

    Args:
        experiment: a resolved experiment.
    """
    own = setting_values(experiment)

    def changes(preset: str) -> dict[str, object]:
        base = preset_values(preset, with_encoder=experiment.model.encoder != "none")
        alike = _as_resolved(experiment, base)
        return {
            name: value
            for name, value in own.items()
            if name not in _OF_A_MACHINE | _FROM_DATA | alike and in_yaml(value) != base[name]
        }

    return min(((preset, changes(preset)) for preset in preset_names()), key=lambda found: len(found[1]))


def _as_resolved(experiment: Experiment, base: Mapping[str, object]) -> set[str]:
    """Return the settings whose values follow from a preset's and from the experiment's others."""
    model = dataclasses.replace(experiment.model, **{name: base[f"model.{name}"] for name in _RESOLVED})  # type: ignore[arg-type]
    try:
        resolved = dataclasses.replace(experiment, model=model).resolved().model
    except UserError:  # the preset's depth does not go with the size
        return set()
    alike = {f"model.{name}" for name in _RESOLVED if getattr(resolved, name) == getattr(experiment.model, name)}
    from_a = base["data.direction"] == "auto" and experiment.data.direction == "AtoB"
    return alike | ({"data.direction"} if from_a else set())


def describe_settings(experiment: Experiment) -> str:
    """Name the nearest preset and, as flags, what is set otherwise: `preset demo --train.epochs 3`.

    What `nearest_preset` does not compare is left out, and places on this machine have their names alone.
    """
    preset, changes = nearest_preset(without_places(experiment))
    return " ".join([f"preset {preset}", *(f"--{name} {shlex.quote(_flag(value))}" for name, value in changes.items())])


def differing_settings(experiments: Sequence[Experiment | None]) -> dict[str, list[str]]:
    """Return by full name the settings in which experiments differ, each with its value in every experiment.

    Devices are left out, and places on this machine have their names alone. None is an experiment that nothing is known
    of; it differs from none, and its values are dashes.
    """
    tables = [None if experiment is None else setting_values(without_places(experiment)) for experiment in experiments]
    known = [table for table in tables if table]
    return {
        name: ["–" if table is None else _flag(table[name]) for table in tables]
        for name in (known[0] if known else ())
        if name not in _OF_A_MACHINE and any(table[name] != known[0][name] for table in known)
    }


def without_places(experiment: Experiment) -> Experiment:
    """Return an experiment in which what lies on this machine has its name alone: to be passed on."""
    data = dataclasses.replace(
        experiment.data,
        root=name_alone(experiment.data.root),
        sources=name_alone(experiment.data.sources),
        targets=name_alone(experiment.data.targets),
        palette=name_alone(experiment.data.palette),
    )
    model = dataclasses.replace(experiment.model, encoder=name_alone(experiment.model.encoder))
    train = dataclasses.replace(experiment.train, init=name_alone(experiment.train.init))
    return dataclasses.replace(experiment, data=data, model=model, train=train)


def name_alone(place: str) -> str:
    """Return the name of an absolute path; anything else as it is."""
    return Path(place).name if Path(place).is_absolute() else place


def _flag(value: object) -> str:
    written = in_yaml(value)
    return written if isinstance(written, str) else json.dumps(written)

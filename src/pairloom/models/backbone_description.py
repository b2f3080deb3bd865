"""What a backbone of Hugging Face transformers is built from, as a model folder holds it."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from pairloom.config import LARGEST_SIDE
from pairloom.errors import UserError
from pairloom.models.transformers_classes import LARGEST_NUMBER, MOST_LAYERS

ENLARGEMENT = 2
"""How much larger than the source the backbone sees it, per side, where its patches allow just that: the small pictures
that translation works on then show things about as large as photographs of the backbone's training do."""

LARGEST_STRIDE = 128
"""Of a feature map, in pixels of what the backbone sees."""


@dataclasses.dataclass(frozen=True)
class BackboneDescription:
    """All that is needed to build a backbone, and to tell where its weights came from."""

    name: str
    """Its name on the hub, or that of its folder."""
    config: Mapping[str, Any]
    """The configuration of transformers, as JSON holds it: `model_type`, and every field of its class."""
    stages: tuple[str, ...]
    """Names of the feature maps that are taken, the first first."""
    strides: tuple[int, ...]
    """Of these, in pixels of what the backbone sees; all the same for a plain vision transformer."""
    channels: tuple[int, ...]
    """Of these."""
    mean: tuple[float, ...]
    """Mean of the colours in its own training, from 0 to 1 as black to white."""
    std: tuple[float, ...]
    """Their standard deviation."""
    side: int | None = None
    """Side of the squares that it sees, where it takes no other sizes."""
    license: str = ""
    """Of its weights; empty where none is stated."""

    @property
    def kind(self) -> str:
        """The family, as transformers names it."""
        return str(self.config["model_type"])

    @property
    def colours(self) -> int:
        """Channels of what the backbone sees."""
        return len(self.mean)

    def to_record(self) -> dict[str, Any]:
        """Return the description as JSON holds it."""
        record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return record

    @classmethod
    def from_record(cls, record: object) -> "BackboneDescription":
        """Read a description, which may come from anywhere.

        Raises:
            UserError: if it is none.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(record, Mapping) or record.keys() != names:
            raise UserError(f"model.backbone must be a description of a backbone, with {', '.join(sorted(names))}")
        listed: dict[str, tuple[Any, ...]] = {}
        for name, kind in (("stages", str), ("strides", int), ("channels", int), ("mean", float), ("std", float)):
            values = record[name]
            if not isinstance(values, list) or not 0 < len(values) <= MOST_LAYERS or not all_are(values, kind):
                raise UserError(f"model.backbone: {name} must be a list of {_WORDS[kind]}")
            listed[name] = tuple(values)
        name, license_, side = record["name"], record["license"], record["side"]
        if not isinstance(name, str) or not isinstance(license_, str) or max(len(name), len(license_)) > 300:
            raise UserError("model.backbone: name and license must be texts")
        if side is not None and not (all_are([side], int) and 1 <= side <= LARGEST_SIDE):
            raise UserError(f"model.backbone: side must be a whole number of at most {LARGEST_SIDE}, or null")
        for key, most in (("strides", LARGEST_STRIDE), ("channels", LARGEST_NUMBER)):
            if len(listed[key]) != len(listed["stages"]) or not all(1 <= number <= most for number in listed[key]):
                raise UserError(f"model.backbone: {key} must be a number from 1 to {most} for each stage")
        if len(listed["mean"]) != len(listed["std"]) or min(listed["std"]) <= 0:
            raise UserError("model.backbone: mean and std must be one number for each colour, std above 0")
        config = record["config"]
        if not isinstance(config, Mapping):
            raise UserError("model.backbone: config must be a mapping")
        return cls(name=name, config=config, side=side, license=license_, **listed)


_WORDS: Mapping[type, str] = {str: "texts", int: "whole numbers", float: "numbers"}


def all_are(values: Sequence[object], kind: type) -> bool:
    """Tell whether all values are of a kind; numbers must be finite, and whole ones are numbers too."""
    kinds = (int, float) if kind is float else kind
    return all(
        isinstance(value, kinds)
        and not isinstance(value, bool)
        and (not isinstance(value, int | float) or math.isfinite(value))
        for value in values
    )


def pyramid(description: BackboneDescription) -> tuple[Fraction, tuple[int, ...], int]:
    """Return how much the source is enlarged, the strides of the maps in its pixels, and how many maps are used.

    Raises:
        UserError: if the strides make no pyramid.
    """
    strides = description.strides
    if len(set(strides)) == 1:
        cell = 2 ** max(0, round(math.log2(strides[0] / ENLARGEMENT)))
        offered = [Fraction(cell, 4), Fraction(cell, 2), Fraction(cell), Fraction(2 * cell)]
        sides = tuple(int(stride) for stride in offered if stride >= 1)[-len(strides) :]
        return Fraction(strides[0], cell), sides, len(sides)
    if not is_pyramid(strides):
        raise UserError("model.backbone: strides must be powers of two, each twice the one before, or all the same")
    return Fraction(ENLARGEMENT), tuple(stride // ENLARGEMENT for stride in strides), len(strides)


def is_pyramid(strides: Sequence[int]) -> bool:
    """Tell whether strides are powers of two, each twice the one before."""
    return strides[0] >= ENLARGEMENT and all(
        stride == strides[0] << level and stride.bit_count() == 1 for level, stride in enumerate(strides)
    )

"""Groups of pairs that belong in one split: the frames of a drive, the slices of a patient."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pairloom.data.pairs import PairFiles
from pairloom.errors import UserError


def group_of(pair: PairFiles, root: Path, rule: str) -> str:
    """Return the group of a pair by `data.group`.

    Args:
        pair: the pair, whose first image counts.
        root: the data folder.
        rule: a number N for the Nth folder below the data folder; or a regular expression, whose first group (or whole
            match) in the path from the data folder names the group.

    Raises:
        UserError: if the path has no such folder, or the expression does not match it.
    """
    path = pair.a.path.relative_to(root) if pair.a.path.is_relative_to(root) else pair.a.path
    if rule.isdecimal():
        level = int(rule)
        if not 1 <= level < len(path.parts):
            raise UserError(f"{pair.a.path}: lies in fewer than {level} folders below {root}; change data.group")
        return path.parts[level - 1]
    match = re.search(rule, path.as_posix())
    if match is None:
        raise UserError(f"{pair.a.path}: data.group '{rule}' does not match its path; change the expression")
    return match[1] if match.re.groups and match[1] is not None else match[0]


def drawn_by_group(groups: Sequence[str], wanted: int, generator: np.random.Generator) -> set[int]:
    """Draw whole groups until they hold so many pairs.

    Args:
        groups: of each pair.
        wanted: pairs to draw; the last group may bring more.
        generator: decides the order of the groups.

    Returns:
        The indices of the pairs drawn; those of one group at least are left.

    Raises:
        UserError: if all pairs are of one group.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise UserError(f"data.group puts all pairs into one group ({names[0] if names else 'none'!r}); two are needed")
    drawn: set[int] = set()
    for index in generator.permutation(len(names))[:-1]:
        if len(drawn) >= wanted:
            break
        drawn |= {place for place, group in enumerate(groups) if group == names[index]}
    return drawn

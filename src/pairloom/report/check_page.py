"""The page of `pairloom check`: what was read, pairs and classes to look at, and what is wrong."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pairloom.data.check import CheckResult, by_kind
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles, Part, Problem
from pairloom.data.pairs import Pair
from pairloom.data.readers import PictureReader
from pairloom.errors import UserError
from pairloom.images import Picture, stretched
from pairloom.report.data_words import (
    SHOWN_PAIRS,
    ShownClass,
    Words,
    shown_classes,
    shown_pair,
    spread,
)
from pairloom.report.page import write_page
from pairloom.report.pictures import data_uri

SHOWN_OF_A_KIND = 6
"""Problems of one kind that are listed."""
PICTURED_OF_A_KIND = 4
"""Problems of one kind that are shown in pictures."""
_MISREAD = ("swapped sides", "value outside the palette")
"""Kinds of problems whose files are shown as they are, not as they were read."""
_PROBLEM_SIDE, _PROBLEM_BYTES = 320, 12_000


def write_check_page(page: Path, folder: PairFolder, result: CheckResult) -> None:
    """Write what was found in a data set as one page, with pictures.

    Args:
        page: the file.
        folder: the data set.
        result: what was found in it.
    """
    description = folder.describe().removeprefix(f"{folder.root}: ")
    pairs = [pair for split in folder.splits() for pair in _sample(folder, result, split)]
    context = {
        "title": folder.root.name,
        "written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "description": description[:1].upper() + description[1:],
        "notes": folder.notes,
        "counts": result.pairs,
        "problems": _groups(folder, result, result.problems),
        "warnings": _groups(folder, result, result.warnings),
        "problem_count": len(result.problems),
        "warning_count": len(result.warnings),
        "pairs": pairs,
        "pictures": folder.palette is None,
        "classes": _classes(folder, result),
    }
    write_page(page, "check.html.jinja", context)


def _sample(folder: PairFolder, result: CheckResult, split: str) -> list[Words]:
    """Return some of the whole pairs of a split, evenly spaced."""
    known = set(result.files)
    whole = [
        files for files in folder.listing(split).pairs if tuple(part.path for part in folder.parts(files)) in known
    ]
    chosen = (whole[place] for place in spread(len(whole), SHOWN_PAIRS // len(folder.splits())))
    return [_shown(folder, pair, split) for files in chosen if (pair := _read(folder, files))]


def _shown(folder: PairFolder, pair: Pair, split: str) -> Words:
    return shown_pair(pair, split, folder.palette, drawn_source=folder.source_palette is not None)


def _classes(folder: PairFolder, result: CheckResult) -> Words | None:
    if folder.palette is None:
        return None
    classes = [
        ShownClass(
            index,
            result.share(name),
            result.classes[name].pairs,
            _read(folder, clearest) if (clearest := result.classes[name].clearest) else None,
        )
        for index, name in enumerate(folder.palette.names)
    ]
    return shown_classes(classes, folder.palette)


def _groups(folder: PairFolder, result: CheckResult, problems: Sequence[Problem]) -> list[Words]:
    """Return the problems by kind: how many there are, the first few, and pictures of the first of these."""
    return [
        {
            "kind": kind,
            "count": len(group),
            "more": len(group) - SHOWN_OF_A_KIND,
            "problems": [
                {
                    "path": str(problem.path).removeprefix(f"{folder.root}/"),
                    "message": problem.message.replace(f"{folder.root}/", ""),
                    "pictures": _evidence(folder, result, problem) if place < PICTURED_OF_A_KIND else [],
                }
                for place, problem in enumerate(group[:SHOWN_OF_A_KIND])
            ],
        }
        for kind, group in by_kind(problems).items()
    ]


def _evidence(folder: PairFolder, result: CheckResult, problem: Problem) -> list[Words]:
    """Return pictures that show a problem, each with a label."""
    pairs = result.evidence.get(problem, ())
    if not pairs:  # a file that is in no pair
        picture = _picture(Part(problem.path))
        return [] if picture is None else [_labelled(problem.path.name, picture)]
    if len(pairs) == 1 and problem.kind in _MISREAD:
        return _sides(folder, pairs[0])
    if len(pairs) == 1:
        return _whole_pair(folder, pairs[0]) or _sides(folder, pairs[0])
    # Two pairs show the same photograph; more show one and the same mistake.
    part = "source" if len(pairs) == 2 else "overlay" if folder.palette is not None else "target"
    shown = [(files, _read(folder, files)) for files in pairs]
    return [
        {"label": f"{files.name}: {part}", "picture": words[part]}
        for files, pair in shown
        if pair and (words := _small(folder, pair))[part]
    ]


def _whole_pair(folder: PairFolder, files: PairFiles) -> list[Words]:
    pair = _read(folder, files)
    words = _small(folder, pair) if pair else {}
    return [{"label": part, "picture": words[part]} for part in ("source", "target", "overlay") if words.get(part)]


def _sides(folder: PairFolder, files: PairFiles) -> list[Words]:
    """Return the sides of a pair that is misread or not whole, as they are in the files."""
    words: list[Words] = []
    for label, part in zip(("source", "target"), folder.parts(files), strict=True):
        picture = _picture(part)
        if picture is None:
            words.append({"label": f"{label}: cannot be read", "picture": None})
        else:
            height, width = picture.shape[:2]
            words.append(_labelled(f"{label}, {width}×{height}", picture))
    return words


def _small(folder: PairFolder, pair: Pair) -> Words:
    drawn = folder.source_palette is not None
    return shown_pair(pair, "", folder.palette, drawn_source=drawn, longest=_PROBLEM_SIDE, most_bytes=_PROBLEM_BYTES)


def _labelled(label: str, picture: Picture) -> Words:
    return {"label": label, "picture": data_uri(stretched(picture), longest=_PROBLEM_SIDE, most_bytes=_PROBLEM_BYTES)}


def _read(folder: PairFolder, files: PairFiles) -> Pair | None:
    try:
        return folder.read(files)
    except UserError:
        return None


def _picture(part: Part) -> Picture | None:
    try:
        return PictureReader().read(part)
    except UserError:
        return None

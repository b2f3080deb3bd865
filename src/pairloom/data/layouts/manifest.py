"""Pairs named in a file: CSV or JSON lines with the columns source, target and split."""

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import SPLITS, Listing, PairFiles, Part, Problem
from pairloom.errors import UserError
from pairloom.palette import Palette

SUFFIXES = (".csv", ".jsonl", ".ndjson")
NAMES = tuple(f"{stem}{suffix}" for stem in ("manifest", "pairs") for suffix in SUFFIXES)
"""What a manifest is called where DATA is the folder that holds it."""


LARGEST = 2**28
"""Bytes of a manifest at the most: some million pairs."""
LONGEST_NAME = 120
"""Bytes that are kept of the end of a path; files are named by them."""


class Manifest:
    """Each row names a source, a target and, if it likes, a split; relative paths count from the manifest's folder."""

    name: LayoutName = "manifest"
    description = (
        "a CSV or JSON-lines file with source, target and split (optional), given itself, or in the folder as "
        f"{NAMES[0]} or {NAMES[1]}"
    )

    def recognises(self, root: Path) -> bool:
        """Look for a manifest by name."""
        return _path(root) is not None

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the splits that rows name."""
        named = {split for split, _ in _rows(root)}
        if None in named and len(named) > 1:
            raise UserError(f"{_path(root)}: some rows name a split and some do not; name it in all rows, or in none")
        return tuple(split for split in SPLITS if split in named)

    def listing(self, root: Path, split: str | None) -> Listing:
        """List the rows of a split; for None, those that name none."""
        pairs: dict[str, PairFiles] = {}
        problems = []
        sources: set[Path] = set()
        for named, pair in _rows(root):
            if named != split:
                continue
            for part in (pair.a, pair.b):
                if not _is_there(part.path):
                    message = f"is named by {_path(root)} but not there; add it, or remove the row"
                    problems.append(Problem("missing partner", part.path, message))
            if pair.a.path in sources:
                message = f"is the source of two rows of {_path(root)}; remove one"
                problems.append(Problem("duplicate stem", pair.a.path, message))
            elif _is_there(pair.a.path) and _is_there(pair.b.path):
                # Names of other folders or endings may come to the same.
                name = pair.name if pair.name not in pairs else f"{pair.name}-{len(pairs)}"
                pairs[name] = pair._replace(name=name)
            sources.add(pair.a.path)
        return Listing(tuple(pairs[name] for name in sorted(pairs)), tuple(problems))

    def classes(self, config: DataConfig) -> Palette | None:
        """Each data set has its own."""
        return None


def _path(root: Path) -> Path | None:
    if root.is_file():
        return root if root.suffix.lower() in SUFFIXES else None
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # of names that are too long, say
        return False


def _rows(root: Path) -> Iterator[tuple[str | None, PairFiles]]:
    """Yield the split (None where it is not named) and the files of each row."""
    path = _path(root)
    if path is None:
        raise UserError(f"{root}: holds no manifest ({', '.join(NAMES)})")
    for number, row in _records(path):
        where = f"{path}, line {number}"
        source, target, split = (row.get(column) or None for column in ("source", "target", "split"))
        if not isinstance(source, str) or not isinstance(target, str) or "\0" in source + target:
            columns = ", ".join(row)
            raise UserError(f"{where}: needs a path as source and one as target; the columns here are {columns[:80]}")
        if split is not None and split not in SPLITS:
            raise UserError(f"{where}: has the split {split!r}; there are {', '.join(SPLITS)}, or none for all rows")
        name = "-".join((*Path(source).parent.parts, Path(source).stem)).strip("/-.")
        name = os.fsencode(name)[-LONGEST_NAME:].decode("utf-8", "ignore")
        yield split, PairFiles(name, Part(path.parent / source), Part(path.parent / target))


def _records(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the rows of a manifest with the lines on which they stand."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: is larger than {LARGEST // 2**20} MiB; is it the manifest?")
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                rows = csv.DictReader(file, skipinitialspace=True)
                for row in rows:
                    yield rows.line_num, {str(name): value for name, value in row.items()}
                return
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise UserError(f"{path}, line {number}: is no object with source, target and split")
                yield number, record
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a manifest ({error})") from error

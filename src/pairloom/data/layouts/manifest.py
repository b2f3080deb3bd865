"""Pairs named in a file: CSV or JSON lines with the columns source, target and split."""

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import LONGEST_NAME, Layout, Listing, Problem, Reading
from pairloom.data.layouts.splits import SPLITS, split_and_rest
from pairloom.data.layouts.tree import Tree
from pairloom.data.pairs import PairFiles, Part
from pairloom.errors import UserError
from pairloom.files import LFS_POINTER, NOT_FETCHED

SUFFIXES = (".csv", ".jsonl", ".ndjson")
NAMES = tuple(f"{stem}{suffix}" for stem in ("manifest", "pairs") for suffix in SUFFIXES)
"""What a manifest is called where DATA is the folder that holds it."""


LARGEST = 2**28
"""Bytes of a manifest at the most: some million pairs."""


class Manifest(Layout):
    """Each row names a source, a target and, if it likes, a split; relative paths count from the manifest's folder."""

    name: LayoutName = "manifest"
    description = (
        "a CSV or JSON-lines file with source, target and split (optional), given itself, or in the folder as "
        f"{NAMES[0]} or {NAMES[1]}"
    )

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Read the manifest, given itself as the root or found by its name."""
        path = manifest_path(tree)
        if path is None:
            return ()
        rows = list(_rows(path))
        if not rows:
            raise UserError(f"{path}: names no pairs; add rows with source and target")
        named = {split for split, _ in rows}
        if None in named and len(named) > 1:
            raise UserError(f"{path}: some rows name a split and some do not; name it in all rows, or in none")
        listings = {split: _listing(path, [pair for other, pair in rows if other == split]) for split in named}
        return [Reading(self.name, f"rows of {path.name}", listings, ordered=True, certain=True)]


def _listing(path: Path, rows: Sequence[PairFiles]) -> Listing:
    """List the pairs of rows whose files are there, and name the others."""
    pairs: dict[str, PairFiles] = {}
    problems = []
    sources: set[Path] = set()
    for pair in rows:
        for part in (pair.a, pair.b):
            if not _is_there(part.path):
                message = f"is named by {path} but not there; add it, or remove the row"
                problems.append(Problem("missing partner", part.path, message))
        if pair.a.path in sources:
            message = f"is the source of two rows of {path}; remove one"
            problems.append(Problem("duplicate stem", pair.a.path, message))
        elif _is_there(pair.a.path) and _is_there(pair.b.path):
            # Names of other folders or endings may come to the same.
            name = pair.name if pair.name not in pairs else f"{pair.name}-{len(pairs)}"
            pairs[name] = pair._replace(name=name)
        sources.add(pair.a.path)
    return Listing(tuple(pairs[name] for name in sorted(pairs)), tuple(problems))


def manifest_path(tree: Tree) -> Path | None:
    """Return the manifest that a path is, or the outermost one in a folder under one of `NAMES`; None where none is.

    Raises:
        UserError: if several folders of one depth hold one.
    """
    if tree.root.is_file():
        return tree.root if tree.root.suffix.lower() in SUFFIXES else None
    found = [
        (len(folder.parts), NAMES.index(name), folder.path / name)
        for folder in tree.folders
        for name in folder.others
        if name in NAMES
    ]
    if not found:
        return None
    depth, _, path = min(found)
    others = [other for level, _, other in found if level == depth and other.parent != path.parent]
    if others:
        raise UserError(f"{tree.root}: holds several manifests, {path} and {others[0]}; name one of them as DATA")
    return path


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # of names that are too long, say
        return False


def _rows(path: Path) -> Iterator[tuple[str | None, PairFiles]]:
    """Yield the split (None where it is not named) and the files of each row."""
    for number, row in _records(path):
        where = f"{path}, line {number}"
        source, target, split = (row.get(column) or None for column in ("source", "target", "split"))
        if not isinstance(source, str) or not isinstance(target, str) or "\0" in source + target:
            columns = ", ".join(row)
            raise UserError(f"{where}: needs a path as source and one as target; the columns here are {columns[:80]}")
        if split is not None:
            known, rest = split_and_rest(str(split))
            if known is None or rest:
                raise UserError(
                    f"{where}: has the split {split!r}; there are {', '.join(SPLITS)}, or none for all rows"
                )
            split = known
        name = "-".join((*Path(source).parent.parts, Path(source).stem)).strip("/-.")
        name = os.fsencode(name)[-LONGEST_NAME:].decode("utf-8", "ignore")
        yield split, PairFiles(name, Part(path.parent / source), Part(path.parent / target))


def _records(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the rows of a manifest with the lines on which they stand."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: is larger than {LARGEST // 2**20} MiB; is it the manifest?")
        with path.open("rb") as start:
            if start.read(len(LFS_POINTER)) == LFS_POINTER:
                raise UserError(f"{path}: {NOT_FETCHED}")
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
                    raise UserError(f"{path}, line {number}: is not an object with source, target and split")
                yield number, record
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a manifest ({error})") from error

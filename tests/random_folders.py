"""Makes the data folder of a `Spec`, reads it, and says what came of it.

A folder that is not read as meant is brought to the fewest choices with which the same comes of it (`simplest`).
"""

import dataclasses
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from folder_verdicts import TOGETHER, Meant, MeantPair, Verdict, judge
from pairloom.palette import UInt8Array
from random_annotations import TOOLS, Annotated, filled, polygons
from random_masks import CODINGS, Look, photograph, save, save_photograph, scene, with_void
from random_specs import CITIES, FOLDERS, LAYOUTS, PICTURES, PREFIXES, SPLITS, STEMS, SUFFIXES, Spec, settle
from stray_files import STRAYS

COUNTS = {"train": 6, "val": 3, "test": 2}
ALONE = 8
"""Pairs where the splits are not told apart."""
CLASS_NAMES = ("background", "road", "car", "sky", "tree", "person", "pole", "sign", "fence", "bus", "wall", "dog")


def make(spec: Spec, root: Path) -> Meant:
    """Write the folder of a spec, and return what it means."""
    maker = _Maker(spec, root)
    maker.write()
    for stray in spec.strays:
        STRAYS[stray](maker.base, [pair for pairs in maker.pairs.values() for pair in pairs], maker.root)
    return Meant(
        maker.pairs,
        near=maker.near,
        names=maker.names,
        either_way=spec.coding == PICTURES,
        refusals=("predictions",) if "predictions" in spec.strays else (),
    )


class _Maker:
    """Writes the files of a spec, pair by pair."""

    def __init__(self, spec: Spec, root: Path) -> None:
        self.spec, self.root, self.base = spec, root, root / spec.wrapped
        self.rng = np.random.default_rng([23, spec.seed])
        self.coding = None if spec.coding == PICTURES else CODINGS[spec.coding]
        self.look = Look.drawn(self.rng, spec.classes)
        self.near = spec.layout == "annotations" or (self.coding is not None and self.coding.near)
        self.places = LAYOUTS[spec.layout][spec.places]
        self.pairs: dict[str, list[MeantPair]] = {}
        self.names: tuple[str, ...] = ()
        self._annotated: list[tuple[str, Annotated, UInt8Array]] = []
        self._rows: list[tuple[str, str, str]] = []

    def write(self) -> None:
        """Write all pairs, and what belongs to all of them."""
        self.base.mkdir(parents=True, exist_ok=True)
        splits = SPLITS[self.spec.splits]
        number = 0
        for split in splits or {TOGETHER: ""}:
            self.pairs[split] = []
            for _ in range(COUNTS[split] if splits else ALONE):
                self._write_pair(number, split, splits.get(split, ""))
                number += 1
        if self._annotated:
            self._write_annotations()
        if self.spec.lists:
            self._write_lists(splits)
        if self._rows:
            self._write_manifest()
        if self.spec.names:
            self.names = CLASS_NAMES[: self.spec.classes]
            _write_names(self.base / self.spec.names, self.names, self.look)

    def _fill(self, place: str, number: int, spelled: str, target: bool, **more: str) -> str:
        spec = self.spec
        nested = "{city}" in place
        stem = STEMS[spec.stems](np.random.default_rng([spec.seed, number]), number // 3 if nested else number)
        if target and spec.stems == "NFC and NFD":
            stem = unicodedata.normalize("NFD", stem)
        (a, b), (sa, sb), (pa, pb) = (
            FOLDERS[spec.folders], SUFFIXES[spec.affixes % len(SUFFIXES)], PREFIXES[spec.affixes % len(PREFIXES)]
        )  # fmt: skip
        words = {"a": a, "b": b, "sa": sa, "sb": sb, "pa": pa, "pb": pb, "split": spelled, "number": str(number)}
        return place.format_map({**words, "stem": stem, "city": CITIES[number % 3], **more})

    def _size(self, number: int) -> tuple[int, int]:
        vary = {"same": 0, "wide": 0, "vary": 8 * (number % 3)}[self.spec.sizes]
        return 48 + vary, (80 if self.spec.sizes == "wide" else 60) + vary

    def _write_pair(self, number: int, split: str, spelled: str) -> None:
        spec, (height, width) = self.spec, self._size(number)
        picture, ids = scene(self.rng, spec.scene, height, width, spec.classes)
        source = self._fill(self.places.source, number, spelled, target=False) + spec.photographs
        if spec.layout == "annotations":
            shapes = polygons(self.rng, height, width, spec.classes)
            ids = filled(height, width, shapes)
            save_photograph(self.base / source, photograph(self.rng, ids))
            self._annotated.append((split, Annotated(source, height, width, shapes), ids))
            return
        if spec.layout.startswith("side by side"):
            self._write_halves(source, split, picture, ids)
            return
        save_photograph(self.base / source, picture)
        if self.coding is None:
            targets, classes = [self._write_picture(number, spelled, picture)], None
        elif spec.layout in ("a mask file an object", "a folder a class"):
            targets, classes = self._write_parts(number, spelled, ids), ids
        else:
            classes = with_void(ids) if self.coding.void else ids
            ending = self.coding.endings[spec.target_ending % len(self.coding.endings)]
            target = self._fill(self.places.target, number, spelled, target=True) + ending
            (self.base / target).parent.mkdir(parents=True, exist_ok=True)
            self.coding.write(self.base / target, classes, self.look, number)
            targets = [target]
        if spec.layout == "manifest":
            self._rows.append((source, targets[0], split))
        self._keep(split, source, targets, classes)

    def _keep(self, split: str, source: str, targets: Sequence[str], classes: UInt8Array | None) -> None:
        below = [(Path(self.spec.wrapped) / name).as_posix() for name in (source, *targets)]
        self.pairs[split].append(MeantPair(below[0], tuple(below[1:]), classes))

    def _write_picture(self, number: int, spelled: str, picture: UInt8Array) -> str:
        target = self._fill(self.places.target, number, spelled, target=True) + self.spec.photographs
        save_photograph(self.base / target, _night(picture))
        return target

    def _write_halves(self, source: str, split: str, picture: UInt8Array, ids: UInt8Array) -> None:
        other = _night(picture) if self.coding is None else self.look.colours[ids]
        halves = [other, picture] if self.spec.layout.endswith("right") else [picture, other]
        exact = {"quality": 95, "subsampling": 0} if source.endswith(".jpg") else {}
        save(self.base / source, np.concatenate(halves, axis=1), **exact)
        self._keep(split, source, [source], None if self.coding is None else ids)

    def _write_parts(self, number: int, spelled: str, ids: UInt8Array) -> list[str]:
        """Write a mask file for each object, or for each class."""
        targets = []
        if self.spec.layout == "a folder a class":
            self.names = CLASS_NAMES[: self.spec.classes]
            parts = {name: ids == n for n, name in enumerate(self.names) if n}
        else:
            middle = ids.shape[1] // 2
            left = np.arange(ids.shape[1]) < middle
            parts = {f"{n}": (ids > 0) & side for n, side in enumerate((left, ~left)) if ((ids > 0) & side).any()}
        for name, mask in parts.items():
            place = self._fill(self.places.target, number, spelled, target=True, **{"class": name, "object": name})
            save(self.base / (place + ".png"), mask.astype(np.uint8) * np.uint8(255))
            targets.append(place + ".png")
        return targets

    def _write_annotations(self) -> None:
        names = CLASS_NAMES[1 : self.spec.classes]
        self.names = ("background", *names)
        targets = TOOLS[self.spec.tool](self.base, [image for _, image, _ in self._annotated], names)
        for split, image, ids in self._annotated:
            self._keep(split, image.path, [targets[image.path]], ids)

    def _write_lists(self, splits: Mapping[str, str]) -> None:
        folder = self.base if self.spec.lists == "-" else self.base / self.spec.lists
        folder.mkdir(parents=True, exist_ok=True)
        for split, spelled in splits.items():
            lines = [self._entry(pair) for pair in self.pairs[split]]
            (folder / f"{spelled}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _entry(self, pair: MeantPair) -> str:
        source, target = (Path(name).relative_to(self.spec.wrapped) for name in (pair.source, pair.targets[0]))
        entries = {"stems": source.stem, "names": source.name, "files": f"{source.as_posix()} {target.as_posix()}"}
        return entries[self.spec.entries]

    def _write_manifest(self) -> None:
        lines = ["source,target,split"] if self.spec.splits else ["source,target"]
        for source, target, split in self._rows:
            quoted = [f'"{source}"', f'"{target}"', *([split] if split else [])]
            lines.append(",".join(quoted))
        (self.base / "pairs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _night(picture: UInt8Array) -> UInt8Array:
    darker: UInt8Array = (picture * np.array([0.35, 0.4, 0.6])).astype(np.uint8)
    return darker


def _write_names(path: Path, names: Sequence[str], look: Look) -> None:
    colours = look.colours.tolist()
    lines = {
        "class_dict.csv": [
            "name,r,g,b",
            *(f"{name},{r},{g},{b}" for name, (r, g, b) in zip(names, colours, strict=True)),
        ],
        "labelmap.txt": [
            "# label:color_rgb:parts:actions",
            *(f"{name}:{r},{g},{b}::" for name, (r, g, b) in zip(names, colours, strict=True)),
        ],
        "classes.txt": list(names),
        "_classes.csv": ["Pixel Value, Class", *(f"{n}, {name}" for n, name in enumerate(names))],
        "classes.json": ["{" + ", ".join(f'"{n}": "{name}"' for n, name in enumerate(names)) + "}"],
        "classes.yaml": ["names:", *(f"  {n}: {name}" for n, name in enumerate(names))],
    }
    path.write_text("\n".join(lines[path.name]) + "\n", encoding="utf-8")


def read_spec(spec: Spec) -> Verdict:
    """Make the folder of a spec, read it, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "data")
        root.mkdir()
        return judge(root, make(spec, root))


CHOICES = (
    "strays", "wrapped", "names", "sizes", "scene", "stems", "photographs", "target_ending", "entries", "lists",
    "splits", "coding", "layout", "classes", "places", "folders", "affixes", "tool",
)  # fmt: skip
"""The order in which choices are made plain."""


def simplest(spec: Spec) -> Spec:
    """Bring each choice to its plainest value while the same comes of the folder."""
    outcome = read_spec(spec).outcome
    plain = Spec(seed=spec.seed)
    for name in CHOICES:
        simpler = settle(dataclasses.replace(spec, **{name: getattr(plain, name)}))
        if simpler != spec and read_spec(simpler).outcome == outcome:
            spec = simpler
    return spec


def report(failed: Sequence[tuple[Spec, Verdict]], simplify: bool = True) -> Iterator[str]:
    """Yield a line for each folder that was not read as meant, the worst first."""
    for spec, verdict in sorted(failed, key=lambda pair: (pair[1].outcome, pair[1].reason)):
        yield f"{verdict.outcome:8}{simplest(spec) if simplify else spec} seed={spec.seed}: {verdict.reason[:200]}"

"""What else lies in people's data folders."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from folder_verdicts import MeantPair
from random_masks import photograph, save, shapes

Stray = Callable[[Path, Sequence[MeantPair], Path], None]
"""Takes the folder around the data, the pairs, and the folder from which their paths count."""


def _bytes(name: str, content: bytes = b"\x00\x05\x16\x07\x00\x02") -> Stray:
    def write(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(content)

    return write


def _beside_each(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    """Resource forks, as macOS leaves them on foreign disks."""
    for pair in pairs:
        path = root / pair.source
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")


def _macosx(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    for pair in pairs:
        path = root / "__MACOSX" / pair.source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")


def _thumbs(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    (root / pairs[0].source).with_name("Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


def _preview(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    rng = np.random.default_rng(1)
    save(base / "preview.png", photograph(rng, shapes(rng, 90, 150, 4)))


def _others(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    rng = np.random.default_rng(2)
    for number in range(3):
        save(base / f"docs/figures/fig{number}.png", photograph(rng, shapes(rng, 60, 90, 3)))


def _predictions(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    rng = np.random.default_rng(3)
    for pair in pairs:
        if pair.classes is not None:
            path = Path(pair.source)
            save(
                base / "predictions" / f"{path.stem}.png",
                shapes(rng, pair.classes.shape[0], pair.classes.shape[1], 2) * np.uint8(255),
            )


def _checkpoints(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    path = Path(pairs[0].source)
    copy = root / path.parent / ".ipynb_checkpoints" / f"{path.stem}-checkpoint{path.suffix}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / path, copy)


def _unlabelled(base: Path, pairs: Sequence[MeantPair], root: Path) -> None:
    rng = np.random.default_rng(4)
    for number in range(3):
        save(base / f"unlabelled/extra_{number}.jpg", photograph(rng, shapes(rng, 48, 60, 3)))


STRAYS: Mapping[str, Stray] = {
    "README.md": _bytes("README.md", b"# Data\n"),
    ".DS_Store": _bytes(".DS_Store"),
    "Thumbs.db": _thumbs,
    "resource forks": _beside_each,
    "__MACOSX": _macosx,
    "preview.png": _preview,
    "figures": _others,
    "predictions": _predictions,
    "notebook": _bytes("explore.ipynb", b"{}"),
    "weights": _bytes("checkpoints/best.pth", b"PK\x03\x04"),
    "archive": _bytes("data.zip", b"PK\x05\x06" + bytes(18)),
    "notes.txt": _bytes("notes.txt", b"lens: 35 mm\n"),
    "hidden copies": _checkpoints,
    "unlabelled": _unlabelled,
    "git": _bytes(".git/HEAD", b"ref: refs/heads/main\n"),
}

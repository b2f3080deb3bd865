"""The files of ONNX Runtime Web, which runs models in browsers: one version of its npm package, checked and kept."""

import hashlib
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pairloom.data.download import download
from pairloom.data.store import cache_folder
from pairloom.errors import UserError
from pairloom.files import replacing

VERSION = "1.30.0"
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)
"""Of the package, as the registry announces it."""


class RuntimeFiles(NamedTuple):
    """The names, in the package's `dist/`, of one of the runtime's builds."""

    main: str
    """The module that the page imports."""
    module: str
    """The module that it loads by itself."""
    wasm: str


BUILDS = {
    "wasm": RuntimeFiles("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": RuntimeFiles(
        "ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"
    ),
}
"""The one for browsers without WebGPU is half as large."""
FILES = tuple(name for build in BUILDS.values() for name in build)


@dataclass(frozen=True)
class Runtime:
    """A folder that holds `FILES`, and their version."""

    folder: Path
    version: str


def find_runtime(package: Path | None = None) -> Runtime:
    """Return the runtime's files: those of a package that is here, or else the pinned one's, fetched once.

    Args:
        package: folder of the unpacked npm package `onnxruntime-web`, or its `dist/`; None takes the user's cache.

    Raises:
        UserError: if a file is missing, or the package cannot be fetched or is not the one that is meant.
    """
    if package is None:
        return _fetched()
    folder = package / "dist" if (package / "dist").is_dir() else package
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UserError(
            f"{package}: lacks {missing[0]}; --runtime names the unpacked npm package onnxruntime-web, of version "
            f"{VERSION} best"
        )
    try:
        version = str(json.loads((folder.parent / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        version = "of your own"
    return Runtime(folder, version)


def _fetched() -> Runtime:
    folder = cache_folder() / f"onnxruntime-web-{VERSION}"
    if not all((folder / name).is_file() for name in FILES):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".package.", suffix=".unfinished", dir=folder) as place:
            package = Path(place, "package.tgz")
            download(ADDRESS, package, "name the unpacked package by --runtime")
            _unpack(package, folder)
    return Runtime(folder, VERSION)


def _unpack(package: Path, folder: Path) -> None:
    """Check the package, and write the files that are wanted; no other member is looked at.

    Raises:
        UserError: if it is not the package that is meant.
    """
    with package.open("rb") as file:
        found = hashlib.file_digest(file, "sha512").hexdigest()
    if found != SHA512:
        raise UserError(
            f"{ADDRESS}: has other contents than expected (SHA-512 {found[:16]}…) and is not used; name an "
            "unpacked package that you trust by --runtime"
        )
    with tarfile.open(package) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            if member is None:
                raise UserError(f"{ADDRESS}: {name} is not a regular file; it is not unpacked")
            with replacing(folder / name) as unfinished:
                unfinished.write_bytes(member.read())

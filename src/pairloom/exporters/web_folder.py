"""A model as a web page: a folder of plain files that any server can give out, run by the visitor's own browser."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pairloom import __version__
from pairloom.errors import UserError
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import LARGEST_DIFFERENCE, LEAST_AGREEMENT, Parity, Samples
from pairloom.exporters.web_runtime import BUILDS, FILES, Runtime, find_runtime
from pairloom.images import limits, write_picture
from pairloom.models.translation import TranslationModel
from pairloom.streets import draw_street
from pairloom.web_page import page_files
from pairloom.web_page.examples import draw_examples
from pairloom.web_page.facts import model_facts

PROBE = "probe.png"
"""The picture on which the page compares WebGPU with WebAssembly: a generated street."""
PROBE_SCENE, PROBE_SIZE = 11, (384, 512)


def write_web(
    model: TranslationModel,
    out: Path,
    samples: Samples,
    *,
    title: str = "Translate a picture",
    about: Mapping[str, Any] = MappingProxyType({}),
    runtime: Path | None = None,
) -> Parity:
    """Write a folder whose `index.html` translates images in the visitor's browser, and try its model.

    All that the page loads lies in the folder, and is named relative to it.

    Args:
        model: the model, on the CPU.
        out: the folder; it does not exist yet.
        samples: pictures on which the ONNX file must agree with PyTorch.
        title: what the page is called.
        about: what the model's folder tells of its training.
        runtime: folder of the unpacked npm package `onnxruntime-web`; None fetches it.

    Raises:
        UserError: if the model does not translate what a browser can show, does not agree, or the runtime is not there.
    """
    _require_showable(model)
    found = find_runtime(runtime)
    out.mkdir()
    parity = write_onnx(model, out / "model.onnx", samples, answer_only=True)
    for name, content in page_files("browser").items():
        (out / name).write_bytes(content)
    (out / "runtime").mkdir()
    for name in FILES:
        shutil.copyfile(found.folder / name, out / _place(name))
    write_picture(out / PROBE, draw_street(0, PROBE_SCENE, *PROBE_SIZE)[0])
    examples = [f"example-{number}.png" for number in range(1, len(draw_examples(model.source)) + 1)]
    for name, picture in zip(examples, draw_examples(model.source), strict=True):
        write_picture(out / name, picture)
    facts = {
        **model_facts(model, about),
        "title": title,
        "privacy": "The model runs in this browser, on this device. Images never leave this machine.",
        "formats": "PNG, JPEG, WebP, and what else the browser reads",
        "accept": "image/*,video/*",
        "examples": examples,
        "snapshots": [],
        "report": None,
        "program": None,
    }
    text = json.dumps(_for_engine(facts, model, out, found), indent=1)
    (out / "model.json").write_text(text + "\n", encoding="utf-8")
    return parity


def _require_showable(model: TranslationModel) -> None:
    for what, channels in (("sources", model.source.channels), ("targets", model.target.channels)):
        if channels not in (1, 3):
            raise UserError(
                f"the model's {what} have {channels} channels; a web page supports 1 or 3 only; export it as onnx"
            )

    if model.source.values.range is not None and model.source.dtype != "uint8":
        raise UserError(
            f"the model's sources are {model.source.dtype}{model.source.values}, but browsers convert images to 8 "
            "bits; export it as onnx"
        )


def _place(name: str) -> str:
    """Return where a file of the runtime lies; as `.js`, since some servers do not know that `.mjs` is a script."""
    return f"runtime/{name.removesuffix('.mjs')}{'.js' if name.endswith('.mjs') else ''}"


def _for_engine(facts: Mapping[str, Any], model: TranslationModel, out: Path, runtime: Runtime) -> dict[str, object]:
    """Add what the engine has to know to what the page has to know."""

    def file(name: str) -> dict[str, object]:
        return {"name": name, "bytes": (out / name).stat().st_size}

    builds = {
        kind: {part: file(_place(name)) for part, name in build._asdict().items()} for kind, build in BUILDS.items()
    }
    return {
        **facts,
        "pairloom": __version__,
        "size": list(model.size),
        "scale": model.scale,
        "model": file("model.onnx"),
        "source": {"channels": model.source.channels, "range": limits(model.source.dtype)[1]},
        "reading": {**facts["reading"], "shares": model.head.gives_probabilities},
        "tolerance": {"difference": LARGEST_DIFFERENCE, "agreement": LEAST_AGREEMENT},
        "runtime": {"version": runtime.version, **builds},
    }

"""A model as a web page: a folder of plain files that any server can give out, run by the visitor's own browser."""

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from pairloom import __version__
from pairloom.errors import UserError
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import LARGEST_DIFFERENCE, LEAST_AGREEMENT, Parity, Samples
from pairloom.exporters.web_runtime import BUILDS, FILES, Runtime, find_runtime
from pairloom.images import limits, write_picture
from pairloom.models.translation import TranslationModel
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

PAGE = ("index.html", "page.css", "page.js", "worker.js", "answers.js")
COLOURS = "colours.css"
"""Of the reports, in light and dark."""
EXAMPLE, EXAMPLE_SIZE = 11, (384, 512)
"""Which of the generated streets is the example, and its height and width."""


def write_web(model: TranslationModel, out: Path, samples: Samples, *, runtime: Path | None = None) -> Parity:
    """Write a folder whose `index.html` translates images in the visitor's browser, and try its model.

    All that the page loads lies in the folder, and is named relative to it.

    Args:
        model: the model, on the CPU.
        out: the folder; it does not exist yet.
        samples: pictures on which the ONNX file must agree with PyTorch.
        runtime: folder of the unpacked npm package `onnxruntime-web`; None fetches it.

    Raises:
        UserError: if the model does not translate what a browser can show, does not agree, or the runtime is not there.
    """
    _require_showable(model)
    found = find_runtime(runtime)
    out.mkdir()
    parity = write_onnx(model, out / "model.onnx", samples, answer_only=True)
    with as_file(files("pairloom.exporters") / "web") as page:
        for name in PAGE:
            shutil.copyfile(page / name, out / name)
    with as_file(files("pairloom.report") / "templates") as house:
        shutil.copyfile(house / COLOURS, out / COLOURS)
    (out / "runtime").mkdir()
    for name in FILES:
        shutil.copyfile(found.folder / name, out / _place(name))
    photograph, ids = draw_street(0, EXAMPLE, *EXAMPLE_SIZE)
    write_picture(out / "example.png", CITYSCAPES.to_colours(ids) if model.source.palette else photograph)
    about = json.dumps(_about(model, out, found), indent=1)
    (out / "model.json").write_text(about + "\n", encoding="utf-8")
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


def _about(model: TranslationModel, out: Path, runtime: Runtime) -> dict[str, object]:
    """Return what the page has to know."""
    palette = model.target.palette

    def file(name: str) -> dict[str, object]:
        return {"name": name, "bytes": (out / name).stat().st_size}

    builds = {
        kind: {part: file(_place(name)) for part, name in build._asdict().items()} for kind, build in BUILDS.items()
    }
    return {
        "pairloom": __version__,
        "size": list(model.size),
        "scale": model.scale,
        "model": file("model.onnx"),
        "source": {"channels": model.source.channels, "range": limits(model.source.dtype)[1]},
        "reading": {
            "classes": palette is not None,
            "shares": model.head.gives_probabilities,
            "names": palette.names if palette else [],
            "colours": palette.colours if palette else [],
        },
        "tolerance": {"difference": LARGEST_DIFFERENCE, "agreement": LEAST_AGREEMENT},
        "runtime": {"version": runtime.version, **builds},
    }

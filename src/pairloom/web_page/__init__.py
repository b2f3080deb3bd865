"""The web page of a model: one page, whose engine is the visitor's own browser or the server that hands it out."""

from importlib.resources import files
from typing import Literal

Engine = Literal["browser", "server"]

_SHARED = ("index.html", "page.css", "page.js", "answers.js", "pixels.js", "zip.js")
_OF_THE_BROWSER = ("worker.js",)


def page_files(engine: Engine) -> dict[str, bytes]:
    """Return the page's files by name, but for what tells of the model (`model.json`) and the examples.

    Args:
        engine: `browser` for a page that runs the model itself (`worker.js`, with ONNX Runtime Web), `server` for one
            that asks the HTTP API it comes from.
    """
    folder = files("pairloom.web_page")
    names = (*_SHARED, *(_OF_THE_BROWSER if engine == "browser" else ()))
    return {
        **{name: folder.joinpath(name).read_bytes() for name in names},
        "engine.js": folder.joinpath(f"{engine}_engine.js").read_bytes(),
        "base.css": files("pairloom.report").joinpath("templates", "base.css").read_bytes(),
    }

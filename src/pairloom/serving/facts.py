"""What the served page has to know of its model."""

from pathlib import Path
from typing import Any

from pairloom import __version__
from pairloom.images import READABLE
from pairloom.models.model_folder import read_about
from pairloom.models.translation import describe_size
from pairloom.serving.handlers import Handlers
from pairloom.serving.middleware import REPORT
from pairloom.web_page.examples import draw_examples
from pairloom.web_page.facts import model_facts

PROGRAM = """\
import httpx

answer = httpx.post("ADDRESS/translate", files={"image": open("photo.jpg", "rb")}AUTH)
open("translation.png", "wb").write(answer.content)

# The same in a shell:
# curl CURLAUTH-F image=@photo.jpg ADDRESS/translate -o translation.png
# curl CURLAUTH-F image=@photo.jpg ADDRESS/fractions"""
"""Two lines that call the API; the page fills in its own address."""


def page_facts(
    handlers: Handlers, run: Path, model: Path, *, loopback: bool, auth: bool, report: Path | None
) -> dict[str, Any]:
    """Return the contents of the page's `model.json`.

    Args:
        handlers: what answers.
        run: the run or model as the user named it.
        model: the model's folder, or its ONNX file.
        loopback: whether the page is seen on this machine alone.
        auth: whether a password is asked for.
        report: the page of the run's report, if there is one.
    """
    translator, limits = handlers.translator, handlers.limits
    kept = translator.model
    size = describe_size(
        kept.seen(kept.size, translator.options.scale), kept.scale and translator.options.scale * kept.scale
    )
    where = "Images never leave this machine" if loopback else "Images stay on the machine that serves this page"
    program = PROGRAM.replace("CURLAUTH", "-u USER:PASSWORD " if auth else "")
    return {
        **model_facts(kept, read_about(model)),
        "title": run.absolute().name,
        "privacy": f"{where}, and are kept until they are answered.",
        "about": f"The model sees images at {size}. Made by Pairloom {__version__}.",
        "formats": f"{READABLE}; up to {limits.megabytes:g} MB and {limits.megapixels:g} megapixels",
        "accept": "",
        "examples": [f"example-{number}.png" for number in range(1, len(draw_examples(kept.source)) + 1)],
        "snapshots": list(handlers.snapshots),
        "report": None if report is None else REPORT.removeprefix("/"),
        "program": program.replace("AUTH", ', auth=("USER", "PASSWORD")' if auth else ""),
    }

"""Pages that are one file each: styles, scripts and pictures are inside, and nothing is asked for from elsewhere."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pairloom import __version__
from pairloom.errors import UserError
from pairloom.files import replacing, require_place
from pairloom.progress import duration
from pairloom.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH

GENERATOR = b'<meta name="generator" content="pairloom'
"""Stands near the top of every page."""


def write_page(path: Path, template: str, context: Mapping[str, object]) -> None:
    """Fill in a template and write the page; what stands there stays until the new one is whole.

    Args:
        path: the file to be written.
        template: name of a file in `templates/`.
        context: what the template speaks of; text is escaped, so that no name in the data can become markup.
    """
    text = _environment().get_template(template).render(context, version=__version__)
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names may hold any bytes


def require_replaceable(path: Path, example: str) -> None:
    """Raise UserError if a page cannot be written here, or would take the place of what is no page of Pairloom's.

    Args:
        path: the page.
        example: a name that a page may have, to be told where `path` is a folder.
    """
    require_place(path, example)
    if path.exists() and GENERATOR not in path.read_bytes()[:2000]:
        raise UserError(f"{path}: is not a page of Pairloom; choose another --out, or remove it first")


def template_environment(package: str) -> Environment:
    """Return what fills in the page templates of a package: text is escaped, and an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "figure": figure, "duration": duration}
    return environment


@cache
def _environment() -> Environment:
    environment = template_environment("pairloom.report")
    # Of the charts.
    environment.globals |= {
        "WIDTH": WIDTH,
        "HEIGHT": HEIGHT,
        "LEFT": LEFT,
        "RIGHT": RIGHT,
        "TOP": TOP,
        "BOTTOM": BOTTOM,
    }
    return environment


def percent(share: float | None) -> str:
    """Write a share as per cent, with a digit more where it is small."""
    if share is None:
        return "–"
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.2%}"


def figure(value: float | None) -> str:
    """Write a score with three digits."""
    return "–" if value is None else f"{value:.3f}"

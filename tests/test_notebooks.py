"""The notebook of the documentation, and the hook that runs notebooks and makes pages of them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes
from PIL import Image

from notebooks import cleared, rendered

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

DRAWS = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone"


def _code(source: str, *outputs: NotebookNode, **metadata: str) -> NotebookNode:
    cell: NotebookNode = new_code_cell(source, outputs=list(outputs), metadata=metadata)
    return cell


def _notebook(*cells: NotebookNode) -> NotebookNode:
    notebook: NotebookNode = new_notebook(cells=[new_markdown_cell("# Title"), *cells])
    return notebook


def _built(folder: Path, notebook: NotebookNode, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build a site of a notebook alone into `folder/site`."""
    pages = folder / "pages"
    pages.mkdir(parents=True)
    (pages / "some.ipynb").write_text(writes(notebook), encoding="utf-8")
    (pages / "index.md").write_text("# Index\n", encoding="utf-8")
    config = f"site_name: Some\ndocs_dir: pages\nuse_directory_urls: false\nhooks: [{ROOT / 'docs' / 'notebooks.py'}]\n"
    (folder / "mkdocs.yml").write_text(config, encoding="utf-8")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", **variables}
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_notebook_is_kept_without_outputs() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert cleared(text) == text, "run make format"


def test_clearing_takes_outputs_counts_and_the_metadata_of_jupyter_away() -> None:
    used = _notebook(_code("1 + 1", new_output("execute_result", {"text/plain": "2"}), alt="Two", mine="noted"))
    used.cells[1].execution_count = 3
    used.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    kept = cleared(writes(used))
    assert '"outputs": []' in kept
    assert '"execution_count": null' in kept
    assert '"alt": "Two"' in kept
    assert "noted" not in kept
    assert "3.11.7" not in kept
    assert cleared(kept) == kept


def test_a_page_shows_text_code_what_was_printed_and_values_in_their_order() -> None:
    warning = new_output("stream", name="stderr", text="/somewhere/library.py: UserWarning\n")
    printed = new_output("stream", name="stdout", text="printed\n")
    value = new_output("execute_result", {"text/plain": "'``` fences'"})
    page, pictures = rendered(_notebook(_code("print('printed')\n'``` fences'", warning, printed, value)), "some.ipynb")
    assert pictures == {}
    assert page == (
        "# Title\n\n*This page is [a notebook](some.ipynb), run when the site was built.*\n\n"
        "````python\nprint('printed')\n'``` fences'\n````\n\n"
        "```text\nprinted\n```\n\n"
        "````text\n'``` fences'\n````\n"
    )


def test_a_picture_without_words_is_refused() -> None:
    picture = new_output("display_data", {"image/png": "aGVsbG8=", "text/plain": "<Figure>"})
    page, pictures = rendered(_notebook(_code("draw()", picture, alt="A line")), "some.ipynb")
    assert "![A line](some-1.png)" in page
    assert "<Figure>" not in page
    assert pictures == {"some-1.png": b"hello"}
    with pytest.raises(ValueError, match="cell 1 makes a picture"):
        rendered(_notebook(_code("draw()", picture)), "some.ipynb")


def test_a_notebook_is_run_by_the_same_python_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / ("temporary" * 12)
    temporary.mkdir()
    # A kernel of the user's that must not be taken.
    spec = home / ".local" / "share" / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["false"], "display_name": "Mine", "language": "python"}')
    before = sorted(home.rglob("*"))
    told = _code(
        "import sys, tempfile, warnings\nwarnings.warn('of a library')\n"
        "print(sys.executable)\nprint(tempfile.mkdtemp(prefix='mine-'))"
    )
    notebook = _notebook(told, _code(DRAWS, alt="A line"))
    built = _built(tmp_path, notebook, HOME=str(home), TMPDIR=str(temporary))
    assert built.returncode == 0, built.stderr
    assert [line for line in built.stderr.splitlines() if not line.startswith("INFO")] == []
    page = (tmp_path / "site" / "some.html").read_text(encoding="utf-8")
    assert sys.executable in page
    assert re.search(r"^/tmp/mine-\w+$", page, re.MULTILINE)
    assert "of a library" not in page.replace("warnings.warn('of a library')", "")
    with Image.open(tmp_path / "site" / "some-1.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    assert sorted(home.rglob("*")) == before
    assert list(temporary.iterdir()) == []


def test_a_cell_that_fails_fails_the_build(tmp_path: Path) -> None:
    built = _built(tmp_path, _notebook(_code("print('before')\n1 / 0")))
    assert built.returncode != 0
    assert "some.ipynb" in built.stderr
    assert "ZeroDivisionError: division by zero" in built.stderr
    assert "\x1b" not in built.stderr
    assert "Traceback (most recent call last):\n  File" not in built.stderr  # of the hook itself


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, with the notebook run."""
    out = tmp_path_factory.mktemp("site")
    words = ["build", "--strict", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([sys.executable, "-m", "mkdocs", *words], env=environment, check=True)
    return out


@pytest.mark.slow
def test_the_page_shows_a_model_that_has_learned(site: Path) -> None:
    page = (site / "notebook.html").read_text(encoding="utf-8")
    # The last of each: training tells the mean IoU after some epochs too.
    road, mean, right = (
        float(re.findall(pattern, page)[-1])
        for pattern in (r"IoU road +(\d\.\d+)", r"mean IoU +(\d\.\d+)", r"(\d+)% of the pixels right")
    )
    print(f"IoU of the road {road}, mean IoU {mean}, {right:.0f} % of the pixels right")
    assert road > 0.7
    assert mean > 0.25
    assert right > 60
    pictures = sorted(site.glob("notebook-*.png"))
    assert len(pictures) == len(re.findall(r'<img alt="[^"]{20,}" src="notebook-\d+\.png"', page)) == 7
    for path in pictures:
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 10, path


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_the_screen_and_asks_no_other_server(browser: "Browser", site: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page, requests = context.new_page(), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.goto((site / "notebook.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.querySelectorAll('article img')].every(image => image.naturalWidth > 0)")
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    context.close()

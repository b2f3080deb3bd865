"""Size of the report of a run with many validation images, and the time in which a browser opens it.

    python benchmarks/report_page.py [--images 1000] [--size 128] [--chromium PATH] [--json]

Street scenes (19 classes) are drawn, a small network is trained on a few for one epoch, and its report is opened
five times in headless Chromium: the median counts, from the start of loading to the first picture after it.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

import pairloom
from pairloom.streets import write_streets

OPENINGS = 5


def main() -> None:
    """Measure, print three lines and, with `--json`, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        streets, run = Path(folder, "streets"), Path(folder, "run")
        write_streets(streets, size=(options.size,) * 2, train_pairs=40, val_pairs=options.images, seed=0)
        settings = {"size": options.size, "model.width": 8, "model.encoder": "none", "epochs": 1}
        began = time.perf_counter()
        pairloom.train(streets, run, settings=settings, log=print)
        trained = time.perf_counter() - began
        page = run / "report" / "index.html"
        opened = statistics.median(opening_seconds(page, options.chromium))
        row = {"images": options.images, "megabytes": page.stat().st_size / 1e6, "seconds_to_open": opened}
    print(f"{options.images} validation images of {options.size}×{options.size}; the training took {trained:.0f} s")
    print(f"report: {row['megabytes']:.1f} MB, opened in {opened:.2f} s")
    if options.json:
        print(json.dumps(row))


def opening_seconds(page: Path, chromium: str | None) -> list[float]:
    """Return the seconds of each opening."""
    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(OPENINGS):
            tab = browser.new_page()
            began = time.perf_counter()
            tab.goto(page.as_uri())
            tab.screenshot()
            seconds.append(time.perf_counter() - began)
            tab.close()
        browser.close()
    return seconds


if __name__ == "__main__":
    main()

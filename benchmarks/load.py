"""The served page under load, on this machine alone: memory, latency, and what is answered, refused and lost.

    python benchmarks/load.py RUN [--seconds 300] [--clients 4] [--queue 8] [--side 256] [--every 5] [--json]

`pairloom serve` runs beside this process, on as many threads as OMP_NUM_THREADS says. Each client, one after the other,
uploads a photograph of its own, asks for its translation, waits for it and fetches it; the time from the upload to the
last byte is the latency. 300 answers go before the measurement, after which as many sessions are kept as ever. Then,
all at once, four times as many calls are made as may wait: those beyond must be refused with 503, and those that were
taken be answered. Printed are the page's private memory over the time, a row for each tenth of it, and the counts. The
exit code is 1 where anything was lost.
"""

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from pairloom.streets import draw_street
from private_memory import MIB, private_bytes

REFUSED = 503
SESSIONS = 300
"""Answers before the measurement."""
PERCENTILES = (50, 95, 99, 100)


@dataclass
class Seen:
    """What the clients have seen so far."""

    began: float
    latencies: list[tuple[float, float]] = field(default_factory=list)
    """Of each answer: when it was whole, and how long it took, in seconds."""
    outcomes: Counter[str] = field(default_factory=Counter)

    def take(self, outcome: str, started: float | None = None) -> None:
        """Note what has come of a request."""
        now = time.monotonic()
        self.outcomes[outcome] += 1
        if started is not None:
            self.latencies.append((now - self.began, now - started))


def main() -> int:
    """Put the page under load, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, default=300, help="of load (default: 300)")
    parser.add_argument("--clients", type=int, default=4, help="that ask at the same time (default: 4)")
    parser.add_argument("--queue", type=int, default=8, help="requests that may wait (default: 8)")
    parser.add_argument("--side", type=int, default=256, help="of the photographs, in pixels (default: 256)")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks at the memory (default: 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()

    with serving(options.run, options.queue) as (process, address):
        client = httpx.Client(base_url=address, timeout=600, limits=httpx.Limits(max_connections=None))
        with ThreadPoolExecutor(options.clients) as pool:  # until Gradio keeps as many sessions as it ever will
            pool.map(lambda number: ask(client, photograph(options.side, number % 4), Seen(0.0)), range(SESSIONS))
        seen, memory = Seen(time.monotonic()), list[tuple[float, int]]()
        ends = seen.began + options.seconds
        with ThreadPoolExecutor(options.clients) as pool:
            for number in range(options.clients):
                pool.submit(ask_until, ends, client, options.side, number, seen)
            while time.monotonic() < ends:
                memory.append((time.monotonic() - seen.began, private_bytes(psutil.Process(process.pid))))
                time.sleep(options.every)
        burst = past_the_queue(client, options.side, 4 * options.queue)

    print(f"{'seconds':>10} {'private MiB':>12} {'answers':>8} {'median ms':>10}")
    step = options.seconds / 10
    for start in np.arange(10) * step:
        held = [size for when, size in memory if start <= when < start + step]
        took = [length for when, length in seen.latencies if start <= when < start + step]
        print(
            f"{start:10.0f} {np.median(held) / MIB if held else np.nan:12.1f} {len(took):8d}"
            f" {1000 * np.median(took) if took else np.nan:10.0f}"
        )
    lengths = [length for _, length in seen.latencies] or [float("nan")]
    latency = {f"p{share}": float(1000 * np.percentile(lengths, share)) for share in PERCENTILES}
    growth = np.median([size for _, size in memory[-len(memory) // 4 :]]) - np.median(
        [size for _, size in memory[len(memory) // 4 : len(memory) // 2] or memory]
    )
    print("latency: " + ", ".join(f"{name} {value:.0f} ms" for name, value in latency.items()))
    print(f"private memory, last quarter beside the second: {growth / MIB:+.1f} MiB")
    print(f"under load:     {dict(seen.outcomes)}, {len(seen.latencies) / options.seconds:.1f} answers a second")
    print(f"past the queue: {dict(burst)}")
    if options.json:
        print(
            json.dumps(
                {
                    "seconds": options.seconds,
                    "clients": options.clients,
                    "latency_ms": latency,
                    "growth_mib": growth / MIB,
                    "largest_mib": max(size for _, size in memory) / MIB,
                    "load": seen.outcomes,
                    "past_the_queue": burst,
                }
            )
        )
    return int(seen.outcomes["lost"] + seen.outcomes["refused"] + burst["lost"] > 0 or not burst["refused"])


@contextmanager
def serving(run: Path, queue: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a run at a free port inside the block, with a temporary folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        words = ["serve", str(run), "--port", "0", "--queue", str(queue)]
        process = subprocess.Popen(  # noqa: S603 (the words are this module's own)
            [sys.executable, "-m", "pairloom", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": place},
        )
        try:
            assert process.stdout is not None  # noqa: S101 (tells mypy)
            found = re.search(r"http://\S+", process.stdout.readline())
            if found is None:
                raise SystemExit("the page does not start")
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def photograph(side: int, number: int) -> bytes:
    """Return a street scene as a PNG file; another one for another number."""
    contents = io.BytesIO()
    Image.fromarray(draw_street(2, number, side, side)[0]).save(contents, "PNG")
    return contents.getvalue()


def ask_until(ends: float, client: httpx.Client, side: int, number: int, seen: Seen) -> None:
    """Be a client until the time is over."""
    contents = photograph(side, number)
    while time.monotonic() < ends:
        ask(client, contents, seen)


def ask(client: httpx.Client, contents: bytes, seen: Seen) -> None:
    """Upload a photograph, have it translated and fetch the translation; whatever else happens is a loss."""
    started = time.monotonic()
    try:
        event = _call(client, _upload(client, contents))
        if event is None:
            seen.take("refused")
        elif _whole(client, event, contents):
            seen.take("answered", started)
        else:
            seen.take("lost")
    except (httpx.HTTPError, ValueError, KeyError):
        seen.take("lost")


def past_the_queue(client: httpx.Client, side: int, count: int) -> Counter[str]:
    """Make so many calls at once; count those that are answered, refused and lost."""
    contents = photograph(side, 0)
    path, together = _upload(client, contents), threading.Barrier(count)

    def one(_: int) -> str:
        together.wait()
        try:
            event = _call(client, path)
            return "refused" if event is None else "answered" if _whole(client, event, contents) else "lost"
        except (httpx.HTTPError, ValueError, KeyError):
            return "lost"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def _upload(client: httpx.Client, contents: bytes) -> str:
    answer = client.post("gradio_api/upload", files={"files": ("photo.png", contents)}).raise_for_status()
    return str(answer.json()[0])


def _call(client: httpx.Client, path: str) -> str | None:
    """Ask for a translation; return what it is fetched by, or None where the queue is full and that is said."""
    image = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = client.post("gradio_api/call/translate", json={"data": [image]})
    if answer.status_code == REFUSED and "full" in answer.text:
        return None
    return str(answer.raise_for_status().json()["event_id"])


def _whole(client: httpx.Client, event: str, contents: bytes) -> bool:
    """Wait for a translation and fetch it; tell whether it is one of that photograph's size."""
    said = client.get(f"gradio_api/call/translate/{event}").raise_for_status().text
    found = re.search(r"event: complete\ndata: (.*)", said)
    if found is None:
        return False
    file = client.get(f"gradio_api/file={json.loads(found[1])[0]['path']}").raise_for_status().content
    with Image.open(io.BytesIO(file)) as translation, Image.open(io.BytesIO(contents)) as source:
        translation.load()
        return translation.size == source.size


if __name__ == "__main__":
    sys.exit(main())

"""The served page under load, on this machine alone: memory, latency, and what is answered, refused and lost.

    python benchmarks/load.py RUN [--seconds 300] [--clients 4] [--queue 8] [--side 256] [--every 5] [--json]

`pairloom serve` runs beside this process, on as many threads as OMP_NUM_THREADS says. Each client has a photograph of
its own translated, one call after the other; the time from the call to the translation's last byte is the latency. 300
answers go before the measurement. Then, all at once, four times as many calls are made as may wait: those beyond must
be refused with 503, and those that were taken be answered. Printed are the page's private memory over the time, a row
for each tenth of it, and the counts. The exit code is 1 where anything was lost.
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
WARM_UP = 300
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
        with ThreadPoolExecutor(options.clients) as pool:
            pool.map(lambda number: ask(client, photograph(options.side, number % 4), Seen(0.0)), range(WARM_UP))
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
            found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)), None)
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
    """Have a photograph translated; whatever else happens is a loss."""
    started = time.monotonic()
    outcome = _outcome(client, contents)
    seen.take(outcome, started if outcome == "answered" else None)


def past_the_queue(client: httpx.Client, side: int, count: int) -> Counter[str]:
    """Make so many calls at once; count those that are answered, refused and lost."""
    contents, together = photograph(side, 0), threading.Barrier(count)

    def one(_: int) -> str:
        together.wait()
        return _outcome(client, contents)

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def _outcome(client: httpx.Client, contents: bytes) -> str:
    """Return `answered` for a translation of the photograph's size, `refused` where the queue is full, else `lost`."""
    try:
        answer = client.post("translate", files={"image": ("photo.png", contents)})
        if answer.status_code == REFUSED and "full" in answer.text:
            return "refused"
        with (
            Image.open(io.BytesIO(answer.raise_for_status().content)) as translation,
            Image.open(io.BytesIO(contents)) as source,
        ):
            translation.load()
            return "answered" if translation.size == source.size else "lost"
    except (httpx.HTTPError, OSError):
        return "lost"


if __name__ == "__main__":
    sys.exit(main())

"""How fast a training step is beside plain PyTorch's, and beside what the machine could do.

    python benchmarks/step.py [--device cpu] [--size 256] [--width 64] [--batch 1] [--precision 32-true] [--json]

Both sides have the same networks (the run looks that they give the same answers), losses and number of updates, and
are timed in turn in one process, some steps each, over and over. `ratio` is the seconds of the plain step over
Pairloom's: with the plain side's pairs decoded by a DataLoader with the number of workers that is quickest here, and
with pairs that are ready in memory; the smaller ratio is the one that counts. Beside them stands the floor: the step's
operations at the rate of a matrix product, and the bytes of weights and optimizer state that have to move at the rate
of a copy.
"""

import argparse
import dataclasses
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import yardstick
from pairloom.allocator import keep_freed_memory
from pairloom.data.batches import TrainingBatches
from pairloom.data.folder import PairFolder
from pairloom.data.store import CACHE_VARIABLE, PairStore
from pairloom.settings import load_experiment
from pairloom.streets import write_streets
from pairloom.training.distributed import DistributedContext
from pairloom.training.epoch import Epoch
from pairloom.training.networks import Networks
from rates import Timed, as_glibc_does, copy_rate, matrix_rate, wait

PAIRS = 32
WORKERS = (0, 1, 2, 4)
"""Numbers of the DataLoader's workers of which the quickest is taken."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, help="a round (default: what takes about two seconds)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    device = torch.device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = str(Path(folder) / "cache")
        write_streets(
            Path(folder) / "streets", size=(options.size, options.size), train_pairs=PAIRS, val_pairs=1, seed=0
        )
        row = measure(Path(folder) / "streets", options, device)
    for name, value in row.items():
        print(f"{name:<36}{value:.4g}" if isinstance(value, float) else f"{name:<36}{value}")
    if options.json:
        print(json.dumps(row))


def measure(folder: Path, options: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """Return the row of the table."""
    plain = yardstick.Pix2Pix(options.size, options.width, device, half=options.precision != "32-true")
    ours = Pairloom(
        folder,
        preset="seed",
        size=options.size,
        width=options.width,
        batch=options.batch,
        device=options.device,
        precision=options.precision,
    )
    require_same_networks(plain, ours)

    ready = [next(yardstick.batches(folder / "train", options.size, options.batch, 0)) for _ in range(PAIRS)]
    turn = itertools.cycle(ready)
    preloaded = Timed("plain, pairs ready", lambda: plain.step(*next(turn)), as_glibc_does)
    workers, loader = quickest_loader(folder, options, plain)
    loading = Timed("plain, DataLoader", lambda: plain.step(*next(loader)), as_glibc_does)
    pairloom = Timed("pairloom", ours.step, keep_freed_memory)
    sides = (preloaded, loading, pairloom)
    for side in sides:
        side.time(1, device)  # warm
    steps = options.steps or max(1, round(2 / max(side.seconds[0] for side in sides)))
    for side in sides:
        side.seconds.clear()
    for _ in range(options.rounds):
        for side in sides:
            side.time(steps, device)

    ratios = {
        side.name: [slow / quick for slow, quick in zip(side.seconds, pairloom.seconds, strict=True)]
        for side in (preloaded, loading)
    }
    counted = min(ratios.values(), key=statistics.median)
    rate, bandwidth = matrix_rate(device, options.precision), copy_rate(device)
    operations = step_operations(ours)
    parameters = sum(
        parameter.numel() for network in ours.networks.modules.values() for parameter in network.parameters()
    )
    row: dict[str, object] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "size": options.size,
        "width": options.width,
        "batch": options.batch,
        "precision": options.precision,
        "ratio": statistics.median(counted),
        "ratio_smallest": min(counted),
        "ratio_largest": max(counted),
        "dataloader_workers": workers,
    }
    row |= {f"seconds: {side.name}": statistics.median(side.seconds) for side in sides}
    row |= {f"share: {name}": share for name, share in ours.shares(lambda: wait(device)).items()}
    row |= {
        "gflop_a_step": operations / 1e9,
        "gflops_of_a_matrix_product": rate / 1e9,
        "floor_seconds_of_arithmetic": operations / rate,
        # Gradients written; weights, gradients and both moments read; weights and moments written: 4 bytes each.
        "floor_seconds_of_moving_weights": 32 * parameters / bandwidth,
    }
    if device.type == "cuda":
        row["gpu_memory_gib"] = torch.cuda.max_memory_allocated(device) / 2**30
    return row


class Pairloom:
    """Pairloom's own step, with its data as training reads them."""

    def __init__(
        self, folder: Path, *, preset: str, size: int, width: int, batch: int, device: str, precision: str
    ) -> None:
        settings: dict[str, object] = {
            "data.root": str(folder),
            "size": size,
            "model.width": width,
            "model.discriminator": "patch70",
            "train.update": "joint",
            "batch_size": batch,
            "device": device,
            "precision": precision,
        }
        experiment = load_experiment(preset, settings=settings).resolved()
        pairs = PairFolder.open(experiment.data)
        store = PairStore.open(pairs, "train", experiment.store_fit)
        self.batches = TrainingBatches(
            store,
            experiment.data.size,
            experiment.augment if experiment.augment.enabled else None,
            batch_size=batch,
            sampling="shuffle",
            seed=0,
        )
        self.context = DistributedContext(experiment.train)
        self.networks = Networks.build(
            store,
            experiment.data.size,
            self.context,
            model=experiment.model,
            loss=experiment.loss,
            optim=experiment.optim,
            train=experiment.train,
        )
        self.epoch = Epoch()
        self._step = 0

    def step(self) -> None:
        """Make a step as `fit` makes it."""
        device = self.context.fabric.device
        source, target = (tensor.to(device, non_blocking=True) for tensor in self.batches.batch(self._step))
        self._step += 1
        self.epoch.add(self.networks.train(source, target, self._step, 2e-4))

    def shares(self, wait: Callable[[], None], steps: int = 5) -> dict[str, float]:
        """Return what a step's time goes to; on a GPU it is waited for at each change."""
        clock = _Clock(wait)
        step = dataclasses.replace(self.networks.step, backward=clock.timed("backward", self.context.backward))
        networks = dataclasses.replace(self.networks, step=step, captured=None)
        handles = []
        for optimizer in networks.optimizers:
            handles.append(optimizer.register_step_pre_hook(lambda *_: clock.begin("optimizer")))
            handles.append(optimizer.register_step_post_hook(lambda *_: clock.end("optimizer")))
        wait()
        began = time.perf_counter()
        for _ in range(steps):
            clock.begin("data")
            source, target = (tensor.to(self.context.fabric.device) for tensor in self.batches.batch(self._step))
            clock.end("data")
            self._step += 1
            networks.train(source, target, self._step, 2e-4)
        wait()
        whole = time.perf_counter() - began
        for handle in handles:
            handle.remove()
        shares = {name: seconds / whole for name, seconds in clock.spent.items()}
        return {**shares, "forward and the rest": 1 - sum(shares.values())}


class _Clock:
    def __init__(self, wait: Callable[[], None]) -> None:
        self._wait = wait
        self._began = 0.0
        self.spent: dict[str, float] = {}

    def begin(self, _what: str) -> None:
        self._wait()
        self._began = time.perf_counter()

    def end(self, what: str) -> None:
        self._wait()
        self.spent[what] = self.spent.get(what, 0.0) + time.perf_counter() - self._began

    def timed(self, what: str, function: Callable[..., None]) -> Callable[..., None]:
        def run(*words: Any) -> None:
            self.begin(what)
            function(*words)
            self.end(what)

        return run


def require_same_networks(plain: yardstick.Pix2Pix, ours: Pairloom) -> None:
    """Hold that both sides have the same networks: with the same weights they give the same answers."""
    source, target = ours.batches.batch(0)
    source = source.to(plain.device)
    picture = ours.networks.eval_model.head.target_picture(target.to(plain.device))
    pairs = (
        (plain.generator, ours.networks.modules["generator"]),
        (plain.discriminator, ours.networks.modules["discriminator"]),
    )
    with torch.no_grad():
        for theirs, own in pairs:
            for parameter, other in zip(theirs.parameters(), own.parameters(), strict=True):
                parameter.copy_(other)
            theirs.eval()
            own.eval()
        torch.testing.assert_close(
            plain.generator(source), ours.networks.modules["generator"](source), rtol=1e-3, atol=1e-4
        )
        judged = ours.networks.modules["discriminator"](source, picture)
        torch.testing.assert_close(plain.discriminator(torch.cat((source, picture), 1)), judged, rtol=1e-3, atol=1e-4)
    for theirs, own in pairs:
        theirs.train()
        own.train()


def quickest_loader(
    folder: Path, options: argparse.Namespace, plain: yardstick.Pix2Pix
) -> tuple[int, Iterator[Sequence[Tensor]]]:
    """Return the DataLoader whose number of workers makes the plain step quickest, and that number."""
    found = []
    for workers in WORKERS:
        loader = yardstick.batches(folder / "train", options.size, options.batch, workers)
        plain.step(*next(loader))
        began = time.perf_counter()
        for _ in range(4):
            plain.step(*next(loader))
        found.append((time.perf_counter() - began, workers, loader))
    _, workers, loader = min(found, key=lambda row: row[0])
    return workers, loader


def step_operations(ours: Pairloom) -> int:
    """Count the floating-point operations of a step, those of its convolutions."""
    with FlopCounterMode(display=False, custom_mapping={torch.ops.mkldnn._linear_pointwise: _product}) as counter:
        ours.step()
    return int(counter.get_total_flops())


def _product(first: Sequence[int], second: Sequence[int], *_: object, **__: object) -> int:
    """Return the operations of a product, M×K by K×N, that the counter does not know."""
    return 2 * first[0] * second[0] * first[1]


if __name__ == "__main__":
    main()

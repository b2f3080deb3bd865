"""Images at any address translated by Ray Data: on this machine, or on all of a cluster's."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pairloom.cluster.ray_session import ray_session, require_ray
from pairloom.cluster.remote_paths import Address
from pairloom.data.image_spec import read_source
from pairloom.data.prefetch import BoundedPool, read_ahead
from pairloom.errors import UserError
from pairloom.images import Picture
from pairloom.inference.image_files import MARK, TranslatedFiles, made_with, require_mark
from pairloom.inference.inputs import VIDEO_EXTENSIONS, Shard, same_name
from pairloom.inference.options import TranslateOptions
from pairloom.inference.output_formats import FORMS, form_suffix
from pairloom.inference.stored_model import StoredModel
from pairloom.inference.translator import Translator
from pairloom.progress import track

BLOCK = 32
"""Images that an actor is handed at once, where there are many."""
MOST_BLOCKS = 10_000
"""Of more, Ray's bookkeeping would show."""


class Job(NamedTuple):
    """An image to be translated."""

    source: Address
    target: str
    """Its name in the output folder."""


def translate_remote(
    run: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    options: TranslateOptions = TranslateOptions(),
    shard: str | None = None,
    log: Callable[[str], None] = print,
) -> TranslatedFiles[str]:
    """Translate images as `translate` does, by Ray Data, from and to any address that fsspec knows.

    The cluster is that of the variable `RAY_ADDRESS`, or the Ray that this process has started; else one is started on
    this machine and ended afterwards. Its machines must have Pairloom, and reach the addresses; the model is sent to
    them. Run again after a stop, it continues. An image that cannot be read is named and left out, and so are
    videos.

    Args:
        run: a run folder or a model folder on this machine, or the name of a model on a hub.
        inputs: images, and folders of images and of such folders: paths and patterns, or addresses such as
            `s3://bucket/photos`.
        out: the folder to be made, a path or an address; or one that was begun with the same model, inputs and options.
        options: how the model is run, and what is written. The device `cuda` has an actor for each of the cluster's
            GPUs, `cpu` one for each core; `auto` looks. The backend `onnx` and `steady=False` are refused.
        shard: `i/n` translates the i-th of n parts of the inputs, as `translate` divides them.
        log: receives a line for each input that is left out.

    Raises:
        UserError: before anything is written, if Ray is not installed, for inputs that do not exist or would have the
            same name, for options that the model does not know, and for an output folder that holds other files; later,
            if the actors cannot go on.
    """
    if options.backend == "onnx":
        raise UserError("--engine ray runs models with PyTorch; leave out --backend onnx")
    if not options.steady:
        raise UserError("--engine ray skips videos; leave out --no-steady")
    require_ray()
    model = StoredModel.find(run, options.backend)
    if model.backend != "torch":
        raise UserError(f"{model.path}: is an ONNX file; use --engine local, or name its run")
    translator = Translator.load(model.path, options=replace(options, device="cpu"))
    suffix = form_suffix(options.form, translator.model.target)
    sources, folder = [Address.parse(entry) for entry in inputs], Address.parse(out)
    jobs, skipped = _jobs(sources, folder, suffix, shard, log)
    mark = made_with(model, [str(source) for source in sources], options)
    there = _require_ours(folder, mark)
    todo = [job for job in jobs if job.target not in there]
    for problem in skipped:
        log(f"skipped: {problem}")

    written: set[str] = set()
    if todo:
        with ray_session():
            dataset = _translations(todo, folder, model, options)
            if not there:
                (folder / MARK).write_text(mark)
            for row in track(dataset.iter_rows(), len(todo), "Translating"):
                if row["stop"]:
                    raise UserError(f"{row['problem']}; run the command again to continue")
                if row["problem"]:
                    skipped.append(row["problem"])
                    log(f"skipped: {row['problem']}")
                else:
                    written.add(row["target"])
    order = [str(folder / job.target) for job in todo if job.target in written]
    return TranslatedFiles(order, len(jobs) - len(todo), skipped)


class Actor:
    """Loads the model once, and translates what it is handed.

    Args:
        files: the files of the model folder.
        systems: the file systems of the inputs.
        out: the folder for the translations.
        options: how it translates, and what is written.
        threads: how many read ahead, and how many write.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        systems: Sequence[Any],
        out: Address,
        options: TranslateOptions,
        threads: int,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            self._translator = Translator.load(folder, options=options)
        self._systems, self._out, self._form, self._threads = systems, out, options.form, threads

    def __call__(self, block: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Translate the images of some rows; return for each what was wrong, and whether all must stop for it."""
        jobs = [
            Job(Address(self._systems[system], path), target)
            for system, path, target in zip(block["system"], block["path"], block["target"], strict=True)
        ]
        problems, stops = [""] * len(jobs), [False] * len(jobs)

        def write(index: int, picture: Picture) -> None:
            try:
                (self._out / jobs[index].target).write_picture(picture)
            except OSError as error:
                problems[index], stops[index] = str(error), True

        with BoundedPool[None](self._threads, self._threads) as pool:
            for index, source in enumerate(read_ahead(self._read, jobs, self._threads)):
                if isinstance(source, UserError):
                    problems[index] = str(source)
                    continue
                pool.submit(partial(write, index, FORMS[self._form](self._translator(source))))
        return {"target": [job.target for job in jobs], "problem": problems, "stop": stops}

    def _read(self, job: Job) -> Picture | UserError:
        try:
            return read_source(job.source.read(), self._translator.model.source)
        except UserError as error:
            return error


def _translations(todo: Sequence[Job], out: Address, model: StoredModel, options: TranslateOptions) -> Any:
    """Return the dataset whose rows tell what has come of each image; it is computed as it is read."""
    import ray.data

    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cpus, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
    if options.device == "cuda" and not gpus:
        raise UserError("--device cuda: Ray finds no GPU; leave out --device, or start Ray on a machine with a GPU")
    on_gpus = options.device != "cpu" and gpus > 0
    options = replace(options, device="cuda" if on_gpus else "cpu")
    actors = gpus if on_gpus else max(1, cpus)
    systems: list[Any] = []
    rows = []
    for job in todo:
        if job.source.system not in systems:
            systems.append(job.source.system)
        row = {"system": systems.index(job.source.system), "path": job.source.path, "target": job.target}
        rows.append(row)
    block = max(min(BLOCK, math.ceil(len(rows) / actors)), math.ceil(len(rows) / MOST_BLOCKS))
    files = {file.name: file.read_bytes() for file in model.files}
    return ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / block)).map_batches(
        Actor,
        batch_size=None,
        compute=ray.data.ActorPoolStrategy(min_size=1),
        fn_constructor_args=(files, systems, out, options, max(2, cpus // actors)),
        num_gpus=1 if on_gpus else None,
        num_cpus=None if on_gpus else 1,
    )


def _jobs(
    inputs: Sequence[Address], out: Address, suffix: str, shard: str | None, log: Callable[[str], None]
) -> tuple[list[Job], list[str]]:
    """Return the images to be translated, no two of which would get the same name, and what is wrong with others."""
    part = Shard.parse(shard)
    jobs: dict[str, Job] = {}
    problems = []
    for entry in inputs:
        for source, name in entry.inputs(out, log):
            if not part.holds(name):
                continue
            if _is_no_text(source.path):
                problems.append(f"{source}: its name is not text; rename it")
                continue
            if name.suffix.lower() in VIDEO_EXTENSIONS:
                problems.append(f"{source}: is a video, which --engine local translates")
                continue
            job = Job(source, name.with_suffix(suffix).as_posix())
            other = jobs.setdefault(job.target, job)
            if other is not job:
                raise same_name(source, other.source)
    return list(jobs.values()), problems


def _is_no_text(name: str) -> bool:
    """Tell whether a file's name holds bytes that are no UTF-8, which no table of Ray's can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def _require_ours(folder: Address, mark: str) -> set[str]:
    """Return the files in the output folder; refuse those of another model, or anything else.

    Raises:
        UserError: if there are such.
    """
    there = set(folder.files())
    found = (folder / MARK).read_text()
    if found is None and there:
        raise UserError(f"{folder}: already holds files; choose another --out, or remove it first")
    if found is not None:
        require_mark(folder, found, mark)
    return there

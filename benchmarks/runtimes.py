"""What else can run a trained model on the CPU: time, file size, and how closely it agrees.

    python benchmarks/runtimes.py MODEL [DATA] [--sizes 128 256] [--pictures 20] [--rounds 12] [--json]

MODEL is a run or model folder; DATA holds the pairs of which the validation pictures are taken (default: the run's, or
generated streets). Each way translates one picture at a time, in turn with the others, round after round; the time is
the median. Agreement is the share of pixels that get the class that PyTorch gives in float32, over all pictures; the
difference is of the shares, on the scale of [-1, 1]. `int8 static` has ranges that were found on 8 other pictures.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from pairloom.config import Size
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import Samples, sample_pictures
from pairloom.images import Picture, resize_picture, to_tensor
from pairloom.models.model_folder import find_model, load_model
from pairloom.models.translation import TranslationModel

Answer = Callable[[Picture], NDArray[np.float32]]
"""Returns the shares of a picture's pixels, 1×K×H×W."""
CALIBRATION = 8


def main() -> None:
    """Measure, print a table and, with `--json`, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = load_model(find_model(options.model), torch.device("cpu"))
    if not model.head.gives_probabilities:
        parser.error("a model with a class head is wanted, whose answers are shares")
    pictures = _pictures(options.model, options.data, model, options.pictures + CALIBRATION)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(model, Path(folder), pictures[options.pictures :])
        for side in options.sizes:
            sources = [resize_picture(picture, Size(side, side)) for picture in pictures[: options.pictures]]
            rows += measure(ways, sources, options.rounds)
    print(f"{'way':<24}{'size':>6}{'ms':>9}{'times':>8}{'MB':>8}{'difference':>13}{'agreement':>12}")
    for row in rows:
        print(
            f"{row['way']:<24}{row['size']:>6}{row['ms']:>9.1f}{row['times']:>8.2f}{row['mb']:>8.1f}"
            f"{row['difference']:>13.1e}{row['agreement']:>12.3%}"
        )
    if options.json:
        print(json.dumps({"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "rows": rows}))


def measure(ways: Sequence[tuple[str, float, Answer]], sources: Sequence[Picture], rounds: int) -> list[dict[str, Any]]:
    """Compare every way with the first, and time them in turn."""
    expected = [ways[0][2](source) for source in sources]
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    rows: list[dict[str, Any]] = []
    for name, size, answer in ways:
        answers = [answer(source) for source in sources]
        same = [(a.argmax(1) == e.argmax(1)).mean() for a, e in zip(answers, expected, strict=True)]
        apart = [2 * np.abs(a - e).max() for a, e in zip(answers, expected, strict=True)]
        rows.append({"way": name, "mb": size / 1e6, "difference": float(max(apart)), "agreement": float(np.mean(same))})
    for number in range(rounds):
        for name, _, answer in ways:
            began = time.perf_counter()
            answer(sources[number % len(sources)])
            seconds[name].append(time.perf_counter() - began)
    plain = statistics.median(seconds[ways[0][0]])
    for row in rows:
        taken = statistics.median(seconds[row["way"]])
        row.update(size=sources[0].shape[0], ms=1000 * taken, times=plain / taken)
    return rows


def _pictures(run: Path, data: Path | None, model: TranslationModel, count: int) -> Sequence[Picture]:
    if data is None:
        return sample_pictures(run, model, count).pictures
    split = EvaluationSplit.open(run, model, data, "val")
    step = max(1, len(split) // count)
    return [split[index].source for index in range(0, len(split), step)][:count]


def _ways(model: TranslationModel, folder: Path, others: Sequence[Picture]) -> list[tuple[str, float, Answer]]:
    """Return each way's name, the bytes of its weights or file, and the way itself."""
    generator = model.generator.eval()
    weights = sum(number.numel() for number in generator.parameters()) * 4.0
    compiled = torch.compile(generator, dynamic=False)
    last = load_twin(model)
    last.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's hints do not know it
    half = load_twin(model).to(torch.bfloat16)
    ways: list[tuple[str, float, Answer]] = [
        ("torch", weights, _by_torch(generator)),
        ("torch channels_last", weights, _by_torch(last, channels_last=True)),
        ("torch.compile", weights, _by_torch(compiled)),
        ("torch bf16", weights / 2, _by_torch(half, dtype=torch.bfloat16)),
    ]
    path, prepared = folder / "model.onnx", folder / "prepared.onnx"
    write_onnx(model, path, Samples(others[:1], "pictures"), answer_only=True)
    ways.append(("onnxruntime", path.stat().st_size, _by_onnx(path)))
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    dynamic, static = folder / "dynamic.onnx", folder / "static.onnx"
    quantize_dynamic(prepared, dynamic, weight_type=QuantType.QUInt8)
    ways.append(("onnxruntime int8 dynamic", dynamic.stat().st_size, _by_onnx(dynamic)))
    reader = _Reader([resize_picture(picture, model.size) for picture in others])
    quantize_static(
        prepared,
        static,
        reader,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"],
    )
    ways.append(("onnxruntime int8 static", static.stat().st_size, _by_onnx(static)))
    return ways


def load_twin(model: TranslationModel) -> torch.nn.Module:
    """Return a generator with the same weights, free to be changed."""
    twin = TranslationModel.build(model.config, model.source, model.target, model.size, torch.device("cpu"))
    twin.generator.load_state_dict(model.generator.state_dict())
    return twin.generator.eval()


def _by_torch(
    generator: Callable[[torch.Tensor], torch.Tensor],
    *,
    channels_last: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Answer:
    @torch.inference_mode()
    def answer(picture: Picture) -> NDArray[np.float32]:
        source = to_tensor(picture)[None].to(dtype)
        if channels_last:
            source = source.contiguous(memory_format=torch.channels_last)
        shares: NDArray[np.float32] = generator(source).float().softmax(dim=1).numpy()
        return shares

    return answer


def _by_onnx(path: Path) -> Answer:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def answer(picture: Picture) -> NDArray[np.float32]:
        shares: NDArray[np.float32] = session.run(["answer"], {"photograph": picture[None].astype(np.float32)})[0]
        return shares

    return answer


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives the quantizer pictures to find ranges on."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._left = list(pictures)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, or None after the last."""
        return {"photograph": self._left.pop()[None].astype(np.float32)} if self._left else None


if __name__ == "__main__":
    main()

"""`pairloom export`."""

from pathlib import Path

from pairloom.cli.parsing import Parser


def export(words: list[str]) -> None:
    """Write a model in a form that other programs run."""
    parser = Parser(
        "export",
        description="Write a model in a form that other programs run, and compare its answers with PyTorch's: on the\n"
        "run's validation pictures, or on generated streets where there are none. What differs is not kept.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument(
        "--format",
        choices=("onnx", "torch"),
        default="onnx",
        help="onnx: one file for ONNX Runtime and others (default); torch: a program of torch.export (.pt2)",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="file to be written")
    options = parser.parse_args(words)

    from pairloom.inference.export import export

    written = export(options.run, options.out, options.format)
    print(f"{written.size / 1e6:.1f} MB written to {written.path}")

"""`pairloom export`."""

import shlex
from pathlib import Path

from pairloom.cli.parsing import Parser


def export(words: list[str]) -> None:
    """Write a model for other runtimes."""
    parser = Parser(
        "export",
        description="Write a model for other runtimes and compare its outputs with PyTorch's, on the run's validation\n"
        "pictures or on generated streets. An export that differs is not kept.",
        epilog="example: pairloom export runs/first --out model.onnx",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument(
        "--format",
        metavar="NAME",
        default="onnx",
        help="onnx: one file for ONNX Runtime and others (default); torch: a program of torch.export (.pt2); web: a "
        "folder with a page that runs the model in the visitor's browser",
    )
    parser.add_argument("--out", metavar="PATH", type=Path, required=True, help="file or folder to write")
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        type=Path,
        help="for web: unpacked npm package onnxruntime-web (default: fetched once from the npm registry and verified)",
    )
    options = parser.parse_args(words)

    from pairloom.exporters.model_export import export

    written = export(options.run, options.out, options.format, runtime=options.runtime)
    print(f"{written.size / 1e6:.1f} MB written to {written.path}")
    if options.format == "web":
        print(f"To view it: python3 -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(written.path))}")

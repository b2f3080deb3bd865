"""`pairloom serve`."""

from pathlib import Path

from pairloom.cli.inference import add_translator_options, translate_options
from pairloom.cli.parsing import Parser


def serve(words: list[str]) -> None:
    """Serve a model as a web page."""
    parser = Parser(
        "serve",
        description="Serve a model as a web page, and as an HTTP API (POST /translate), until Ctrl-C.\n"
        "Images are translated on this machine, sent nowhere, and kept until they are answered.",
        epilog="example: pairloom serve runs/first",
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        type=Path,
        help="run folder (to compare its snapshots), model folder, ONNX file, or USER/NAME on the Hub",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument("--port", type=int, default=7860, help="port to listen on, 0 for any free one (default: 7860)")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="login; required unless --host is local")
    parser.add_argument(
        "--max-megabytes", type=float, default=20, metavar="N", help="maximum upload size in MB (default: 20)"
    )
    parser.add_argument(
        "--max-megapixels", type=float, default=32, metavar="N", help="maximum image size in megapixels (default: 32)"
    )
    parser.add_argument(
        "--queue", type=int, default=100, metavar="N", help="maximum number of queued requests (default: 100)"
    )
    add_translator_options(parser)
    parsed = parser.parse_args(words)
    user, colon, password = (parsed.auth or "").partition(":")
    if parsed.auth is not None and not colon:
        parser.error("--auth must be USER:PASSWORD")
    if not 0 <= parsed.port <= 65535:
        parser.error(f"--port must be in [0, 65535], not {parsed.port}")

    from pairloom.serving import serve
    from pairloom.serving.uploads import Limits

    serve(
        parsed.run,
        host=parsed.host,
        port=parsed.port,
        auth=(user, password) if parsed.auth is not None else None,
        limits=Limits(parsed.max_megabytes, parsed.max_megapixels, parsed.queue),
        options=translate_options(parsed),
    )

"""`pairloom serve`."""

from pathlib import Path

from pairloom.cli.inference import add_translator_options, translate_options
from pairloom.cli.parsing import Parser


def serve(words: list[str]) -> None:
    """Serve a model as a page."""
    parser = Parser(
        "serve",
        description="Serve a model as a web page, and as an HTTP API with the endpoint /translate, until Ctrl-C.\n"
        "Images are translated here and sent nowhere else; what is uploaded is deleted after half an hour.",
    )
    parser.add_argument(
        "run", metavar="RUN", type=Path, help="run folder, to compare its snapshots; model folder; or ONNX file"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine alone)"
    )
    parser.add_argument("--port", type=int, default=7860, help="to listen at, 0 for any that is free (default: 7860)")
    parser.add_argument(
        "--auth", metavar="USER:PASSWORD", help="ask for these; must be given where --host lets others in"
    )
    parser.add_argument(
        "--max-megabytes", type=float, default=20, metavar="N", help="largest file that is taken (default: 20)"
    )
    parser.add_argument(
        "--max-megapixels", type=float, default=32, metavar="N", help="largest image that is taken (default: 32)"
    )
    parser.add_argument(
        "--queue", type=int, default=100, metavar="N", help="requests that may wait; more are refused (default: 100)"
    )
    add_translator_options(parser)
    parsed = parser.parse_args(words)
    user, colon, password = (parsed.auth or "").partition(":")
    if parsed.auth is not None and not colon:
        parser.error("--auth is USER:PASSWORD")
    if not 0 <= parsed.port <= 65535:
        parser.error(f"--port is 0 to 65535, not {parsed.port}")

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

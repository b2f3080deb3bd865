"""`pairloom serve`: a model as a page and an API, until it is stopped."""

import ipaddress
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pairloom.errors import UserError
from pairloom.inference.options import TranslateOptions
from pairloom.inference.stored_model import StoredModel
from pairloom.inference.translator import Translator
from pairloom.run import RunFolder, owning_run
from pairloom.serving.facts import page_facts
from pairloom.serving.handlers import Handlers
from pairloom.serving.middleware import Middleware
from pairloom.serving.uploads import Limits
from pairloom.web_page.examples import draw_examples

if TYPE_CHECKING:
    from uvicorn import Server

LOOPBACK = "127.0.0.1"
PORT = 7860
LEAVING_SECONDS = 3
"""So long answers that are on their way are waited for when the page is stopped."""
MOST_CONNECTIONS = 1000


def serve(
    run: str | Path,
    *,
    host: str = LOOPBACK,
    port: int = PORT,
    auth: tuple[str, str] | None = None,
    limits: Limits | None = None,
    options: TranslateOptions = TranslateOptions(),
    log: Callable[[str], None] = print,
) -> None:
    """Serve a model as a web page and an HTTP API, until the process is interrupted.

    Args:
        run: a run folder, whose snapshots can then be compared, a model folder, or an ONNX file of `export`'s.
        host: address to listen at; the default is reached from this machine alone.
        port: to listen at; 0 takes any that is free.
        auth: user and password that are asked for; needed where others can reach the page.
        limits: what is taken and kept waiting; None takes files of 20 MB, images of 32 megapixels and 100 requests.
        options: how the model is run.
        log: receives the address once the page is there, and a line whenever a model has been converted.

    Raises:
        UserError: if there is no such model, port or address, FastAPI is missing, or others could reach a page without
            a password.
    """
    loopback = is_loopback(host)
    _check_auth(auth, loopback)
    model = StoredModel.find(run, options.backend).path
    with _listening(host, port) as listener:
        log(f"Loading {run} ...")
        load = partial(Translator.load, options=options, log=log)
        handlers = Handlers(load, model, _snapshots(Path(run)), limits or Limits())
        hosts = frozenset({"localhost", "127.0.0.1", "::1", host}) if auth is None else None
        owner = owning_run(Path(run))
        report = owner.report / "index.html" if owner and (owner.report / "index.html").is_file() else None
        facts = page_facts(handlers, Path(run), model, loopback=loopback, auth=auth is not None, report=report)
        server = _server(handlers, facts, report, auth, hosts)
        shown = f"[{host}]" if ":" in host else host
        log(f"Serving {run} at http://{shown}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
        # A signal in the first moments ends the loop before the server has begun in it.
        warnings.filterwarnings("ignore", "coroutine 'Server.serve' was never awaited", RuntimeWarning)
        with _stopped_by_signals():
            server.run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_auth(auth: tuple[str, str] | None, loopback: bool) -> None:
    if auth is None and not loopback:
        raise UserError(
            "others can reach this address; a password is needed: --auth USER:PASSWORD, or leave out --host"
        )
    if auth is not None and not all(auth):
        raise UserError("the user and the password must not be empty: --auth USER:PASSWORD")


def _snapshots(run: Path) -> Mapping[str, Path]:
    """Return the run's snapshots by name, in the order of training; none for a model folder."""
    if not (owner := owning_run(run)) or owner.path != run.absolute():
        return {}
    epochs = RunFolder(run).snapshot_epochs()
    return {f"epoch {epoch}": RunFolder(run).snapshot(epoch) for epoch in epochs}


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen at an address, inside the block."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(f"{host}: is not a local address; choose another --host") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"{host}, port {port}: cannot be listened on ({reason}); choose another --port") from error
        yield listener


def _server(
    handlers: Handlers,
    facts: Mapping[str, object],
    report: Path | None,
    auth: tuple[str, str] | None,
    hosts: frozenset[str] | None,
) -> "Server":
    try:
        import uvicorn

        from pairloom.serving.app import build_app
    except ImportError as error:
        raise UserError("the page needs FastAPI: pip install 'pairloom[app]'") from error

    app = build_app(handlers, facts, draw_examples(handlers.translator.model.source), report)
    config = uvicorn.Config(
        Middleware(app, handlers.limits.most_bytes, hosts, auth),
        log_config=None,
        log_level="error",  # not of each request that is no HTTP
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LEAVING_SECONDS,
    )
    return uvicorn.Server(config)


class _Stopped(KeyboardInterrupt):
    """The page was stopped by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Inside the block SIGTERM ends the page as Ctrl-C does, so that its folder is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stopped(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""The page and the HTTP API of a model as a FastAPI application."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from pairloom import __version__
from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import ImageBytes, UInt8Array, png_bytes
from pairloom.report.page import template_environment
from pairloom.serving.handlers import Handlers
from pairloom.serving.middleware import REPORT
from pairloom.serving.uploads import uploaded
from pairloom.web_page import page_files

Result = TypeVar("Result")

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".tif": "image/tiff",
}
Image = Annotated[UploadFile, File(description="an image file, with its name")]
Snapshot = Annotated[
    str | None, Query(description="a snapshot of the run, such as `epoch 10`; without it the kept model")
]


class Turns:
    """Lets one request compute at a time, in the order in which they came, and refuses those that are too many.

    Args:
        waiting: requests that may wait.
    """

    def __init__(self, waiting: int) -> None:
        self._most, self._taken, self._lock = waiting + 1, 0, asyncio.Lock()

    async def take(self, request: Request, work: Callable[[], Result]) -> Result:
        """Compute when it is the request's turn.

        Raises:
            HTTPException: 503 if too many wait, 499 if the caller has left meanwhile.
        """
        if self._taken >= self._most:
            raise HTTPException(503, "the queue is full; try again later", headers={"Retry-After": "5"})
        self._taken += 1
        try:
            async with self._lock:
                if await request.is_disconnected():
                    raise HTTPException(499, "the caller has left")
                return await run_in_threadpool(work)
        finally:
            self._taken -= 1


def build_app(
    handlers: Handlers, facts: Mapping[str, Any], examples: Sequence[UInt8Array], report: Path | None
) -> FastAPI:
    """Build the application.

    Args:
        handlers: what is answered to an image.
        facts: what the page has to know of the model.
        examples: images to try.
        report: the page of the run's report, if there is one.
    """
    app = FastAPI(
        title="Pairloom",
        version=__version__,
        description="Translates images by a trained model, one at a time.",
        docs_url=None,
        redoc_url=None,
    )
    turns = Turns(handlers.limits.waiting)
    _add_pages(app, facts, examples, report)

    refusals: dict[int | str, dict[str, Any]] = {
        422: {"description": "the image, or an option, is refused; `detail` says why"},
        503: {"description": "the queue is full; try again later"},
    }

    @app.post("/translate", response_class=Response, responses={200: {"content": {"image/png": {}}}, **refusals})
    async def translate(
        request: Request,
        image: Image,
        form: Annotated[Literal["translation", "overlay", "classes", "side-by-side"], Query()] = "translation",
        snapshot: Snapshot = None,
    ) -> Response:
        """Return the translation at the image's own size: a PNG file (TIFF where PNG cannot hold it)."""
        own = await _read(image)
        content, suffix = await turns.take(request, lambda: handlers.translate(own, form, snapshot))
        name = quote(f"{Path(own.name).stem}-{form}{suffix}", safe="")
        headers = {"Content-Disposition": f"inline; filename*=UTF-8''{name}"}
        return Response(content, media_type=TYPES[suffix], headers=headers)

    @app.post("/fractions", responses=refusals)
    async def fractions(request: Request, image: Image, snapshot: Snapshot = None) -> dict[str, float]:
        """Return the fraction of the pixels (0 to 1) that each class has; empty for models of pictures."""
        own = await _read(image)
        return await turns.take(request, lambda: handlers.fractions(own, snapshot))

    side = Annotated[int | None, Query(ge=1)]

    @app.post("/view", include_in_schema=False)
    async def view(
        request: Request, image: Image, height: side = None, width: side = None, snapshot: Snapshot = None
    ) -> Response:
        own, size = await _read(image), Size(height, width) if height and width else None
        found = await turns.take(request, lambda: handlers.view(own, size, snapshot))
        return Response(found.png, media_type="image/png", headers={"X-Counts": json.dumps(found.counts)})

    @app.post("/preview", include_in_schema=False)
    async def preview(request: Request, image: Image) -> Response:
        own = await _read(image)
        return Response(await turns.take(request, lambda: handlers.preview(own)), media_type="image/png")

    @app.exception_handler(UserError)
    async def refuse(_request: Request, error: UserError) -> Response:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def explain(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return JSONResponse({"detail": f"{first['loc'][-1]}: {first['msg']}"}, 422)

    return app


def _add_pages(app: FastAPI, facts: Mapping[str, Any], examples: Sequence[UInt8Array], report: Path | None) -> None:
    """Add what browsers read."""
    files = page_files("server")
    files |= {f"example-{number}.png": png_bytes(picture) for number, picture in enumerate(examples, 1)}

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return HTMLResponse(files["index.html"])

    @app.get("/model.json", include_in_schema=False)
    async def model() -> Response:
        return JSONResponse(dict(facts))

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        template = template_environment("pairloom.serving").get_template("docs.html.jinja")
        return HTMLResponse(template.render(api=app.openapi(), address=str(request.base_url).rstrip("/")))

    if report is not None:

        @app.get(REPORT, include_in_schema=False)
        async def show_report() -> Response:
            return FileResponse(report, media_type=TYPES[".html"])

    @app.get("/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "there is nothing at this address")
        return Response(files[name], media_type=TYPES[Path(name).suffix])


async def _read(image: UploadFile) -> ImageBytes:
    return uploaded(image.filename, await image.read())

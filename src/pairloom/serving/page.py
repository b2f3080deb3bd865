"""The page itself: what stands where, and what happens when something is uploaded, chosen or pressed."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from pairloom.errors import UserError
from pairloom.images import READABLE
from pairloom.models.translation import describe_size
from pairloom.serving.handlers import MOST_COMPARED, Handlers, render
from pairloom.serving.upload_store import KEPT_SECONDS

TEMPLATES = Path(__file__).parent / "templates"
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
TURN = "model"
"""All that computes waits in one queue, and is done one after the other."""
EMPTY = '<div class="empty"><p>The translation appears here.</p></div>'

Answer = TypeVar("Answer")
Upload = Mapping[str, Any] | None
"""What Gradio tells of an image that was uploaded: its path, above all."""


def theme() -> gr.themes.Base:
    """The house's colours and the system's own fonts, so that nothing has to be loaded."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=FONTS,
        font_mono=("ui-monospace", "Menlo", "Consolas", "monospace"),
        radius_size=gr.themes.sizes.radius_lg,
    )
    return base.set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#12161b",
        body_text_color="#1b2129",
        body_text_color_dark="#e7ebef",
        body_text_color_subdued="#5d6875",
        body_text_color_subdued_dark="#9aa6b3",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a2027",
        block_border_width="1px",
        border_color_primary="#dfe3e8",
        border_color_primary_dark="#303944",
        button_primary_background_fill="#0b6e6e",
        button_primary_background_fill_hover="#0d7f7f",
        button_primary_background_fill_dark="#5cc8c2",
        button_primary_background_fill_hover_dark="#74d4cf",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#10201f",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#1a2027",
        input_background_fill="#ffffff",
        input_background_fill_dark="#12161b",
    )


def head() -> str:
    """Return what stands in the page's head. Styles stand here too, since Gradio would rewrite their selectors."""
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return f"<style>{style}</style><script>{script}</script>"


def build_page(handlers: Handlers, examples: Sequence[Path], title: str, *, guarded: bool, loopback: bool) -> gr.Blocks:
    """Build the page and the API of a model.

    Args:
        handlers: what is said to an image.
        examples: images to try.
        title: what the page is called.
        guarded: whether a password is asked for.
        loopback: whether the page is seen on this machine alone.
    """
    limits = handlers.limits

    def translate(image: Upload) -> tuple[str, dict[str, float]]:
        return _said(lambda: handlers.translate(_path(image)))

    def view(image: Upload) -> str:
        return EMPTY if image is None else _said(lambda: handlers.view(_path(image)))

    def compare(image: Upload, names: list[str]) -> str:
        return _said(lambda: handlers.comparison(_path(image), names))

    def take(index: int) -> str:
        copy = handlers.uploads.new(examples[index].name)
        shutil.copyfile(examples[index], copy)
        return str(copy)

    page = gr.Blocks(title=title, analytics_enabled=False, fill_width=True)
    with page:
        _html(
            render(
                "head.html.jinja",
                title=title,
                task=_task(handlers),
                loopback=loopback,
                minutes=KEPT_SECONDS // 60,
            ),
        )
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                photograph = gr.Image(
                    label="Photograph",
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard", "webcam"],
                    buttons=["fullscreen"],
                    height=320,
                    elem_id="photograph",
                )
                _html(
                    f"<p class='quiet'>{READABLE}; up to {limits.megabytes:g} MB and {limits.megapixels:g} "
                    "megapixels</p>",
                )
                if examples:
                    streets = gr.Dataset(
                        label="No photograph at hand? Streets drawn by Pairloom",
                        components=[gr.Image(render=False, type="filepath")],
                        samples=[[str(path)] for path in examples],
                        type="index",
                        elem_id="scenes",
                    )
                    streets.click(take, streets, photograph, api_visibility="private", show_progress="hidden")
            with gr.Column(scale=7, min_width=320):
                result = _html(EMPTY, elem_id="result")
        # Without `preprocess` Gradio does not look into the images: it would open whatever Pillow can.
        photograph.change(view, photograph, result, api_visibility="private", preprocess=False, concurrency_id=TURN)
        if handlers.snapshots:
            _html(
                "<h2 class='part'>As training went on</h2>"
                "<p class='quiet'>The same image, translated by snapshots of the run.</p>"
            )
            with gr.Row():
                names = gr.Dropdown(
                    list(handlers.snapshots),
                    value=_spread(list(handlers.snapshots)),
                    multiselect=True,
                    max_choices=MOST_COMPARED,
                    label=f"Snapshots, up to {MOST_COMPARED}",
                    scale=5,
                    min_width=280,
                    elem_id="snapshots",
                )
                button = gr.Button("Compare", variant="primary", scale=1, min_width=120, elem_id="compare")
            compared = _html(elem_id="compared")
            button.click(
                compare,
                [photograph, names],
                compared,
                api_visibility="private",
                preprocess=False,
                concurrency_id=TURN,
            )
            photograph.change(None, None, compared, js="() => ''")
        _html(render("program.html.jinja", guarded=guarded))
        # The API stands by itself, so that it stays as it is when the page changes.
        file, shares = gr.File(visible=False, label="translation"), gr.JSON(visible=False, label="shares")
        gr.Button(visible=False).click(
            translate,
            photograph,
            [file, shares],
            api_name="translate",
            api_description="Translate an image: its translation as a file, and the share (0 to 1) of each class.",
            preprocess=False,
            concurrency_id=TURN,
        )
    page.queue(max_size=limits.waiting, api_open=False, default_concurrency_limit=1)
    return page


def _html(text: str = "", elem_id: str | None = None) -> gr.HTML:
    """Place HTML of our own, to which Gradio adds no style and no behaviour."""
    return gr.HTML(text, elem_id=elem_id, js_on_load=None, apply_default_css=False)


def _path(image: Upload) -> str:
    if image is None or not isinstance(path := image.get("path"), str):
        raise UserError("an image is missing; upload one first")
    return path


def _said(answer: Callable[[], Answer]) -> Answer:
    """Return an answer; say what is wrong with an upload as Gradio shows it, and without a traceback."""
    try:
        return answer()
    except UserError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _task(handlers: Handlers) -> str:
    model, factor = handlers.translator.model, handlers.translator.options.scale
    size = describe_size(model.seen(model.size, factor), model.scale and factor * model.scale)
    at = f"The model sees images at {size}; its answer has the image's own size."
    palette = model.target.palette
    if palette is None:
        return f"Translates images into pictures, as the model has learned to. {at}"
    return f"Translates photographs into segmentations: {palette.counted}, a colour each. {at}"


def _spread(names: list[str]) -> list[str]:
    """Choose the first, the last and one in the middle."""
    return sorted({names[0], names[len(names) // 2], names[-1]}, key=names.index)

"""The model card: the `README.md` by which a model folder presents itself on a model hub."""

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pairloom.config import ModelConfig, Size
from pairloom.evaluation.labels import CLASS_SCORE_LABELS, SCORE_LABELS
from pairloom.files import replacing
from pairloom.models.encoders import encoder_origin
from pairloom.models.translation import describe_size
from pairloom.report.page import figure

CARD = "README.md"
"""Name of the card in a model folder."""

WEAK_IOU = 0.2
"""A class whose IoU is lower is named among the limits."""

HUB_LICENSES = re.compile(
    r"apache-2\.0|mit|bsd(-[23]-clause)?|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.[05]|cdla-(sharing-1\.0|permissive-[12]\.0)"
    r"|odbl|odc-by|pddl|[al]?gpl-3\.0|gpl-2\.0|unlicense"
)
"""Licences that hubs know by these identifiers; any other is `other` to them, with a name."""


def write_card(folder: Path) -> None:
    """Write the card of a model folder from its `config.json`.

    The same `config.json` gives the same bytes.

    Raises:
        OSError: if the disk is full or cannot be written.
    """
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with replacing(folder / CARD, durable=True) as unfinished:
        unfinished.write_text(model_card(description), encoding="utf-8")


def model_card(description: Mapping[str, Any]) -> str:
    """Return the card of a model.

    Args:
        description: the object in its `config.json`. Names in it that come from data become text, never markup.
    """
    model, about = ModelConfig(**description["model"]), description["about"]
    palette, data, record = description["target"]["palette"], about.get("data"), about.get("validation") or {}
    classes: list[str] = palette["names"] if palette else []
    by_class: dict[str, float | None] = record.get("per_class", {})
    class_scores = {label: record[part] for part, label in CLASS_SCORE_LABELS.items() if part in record}
    size, scale = Size(*description["size"]), description.get("scale")
    words = {
        "title": "Photograph to segmentation" if classes else "Image to image",
        "task": f"Translates photographs to colour-coded segmentations: each pixel gets one of {len(classes)} classes."
        if classes
        else "Translates class maps to pictures."
        if description["source"]["palette"]
        else "Translates pictures of one kind to pictures of another.",
        "converted": about.get("imported_from"),
        "version": description["pairloom"],
        "generator": model.generator_name,
        "encoder": encoder_origin(model),
        "data": data,
        "classes": classes,
        "palette": palette["name"] if palette else None,
        "size": describe_size(size, scale),
        "crops": scale is not None,
        "split": record.get("split"),
        "pairs": record.get("pairs"),
        "epoch": about.get("epoch"),
        "chosen": about.get("kept") == "best",
        "scores": [(label, figure(record[name])) for name, label in SCORE_LABELS.items() if name in record],
        "class_labels": list(class_scores),
        "by_class": [(name, [figure(part.get(name)) for part in class_scores.values()]) for name in by_class],
        "weak": [name for name, value in by_class.items() if value is not None and value < WEAK_IOU],
        "weak_below": WEAK_IOU,
    }
    text = _environment().get_template("card.md.jinja").render(words)
    return f"---\n{_front_matter(classes, record, data)}---\n\n{text}"


def _front_matter(classes: list[str], record: Mapping[str, Any], data: Mapping[str, Any] | None) -> str:
    """Return what hubs read of the card, as YAML; the scores as a `model-index`."""
    task = "image-segmentation" if classes else "image-to-image"
    front: dict[str, object] = {"library_name": "pairloom", "pipeline_tag": task}
    license_ = (data or {}).get("license", "")
    slug = re.sub(r"[^a-z0-9.]+", "-", license_.lower()).strip("-.")
    if HUB_LICENSES.fullmatch(slug):
        front["license"] = slug
    elif slug:
        front |= {"license": "other", "license_name": slug[:64]}
    front["tags"] = ["pairloom", "pix2pix", "gan", *(["semantic-segmentation"] if classes else [])]
    metrics = {"mean_iou": "mean_iou", "accuracy": "pixel_accuracy"} if classes else {"psnr": "psnr", "ssim": "ssim"}
    if record:
        front["metrics"] = list(metrics)
        front["model-index"] = _model_index(task, metrics, record, data)
    return yaml.safe_dump(front, sort_keys=False)


def _model_index(
    task: str, metrics: Mapping[str, str], record: Mapping[str, Any], data: Mapping[str, Any] | None
) -> list[dict[str, object]]:
    """Return the scores as the Hugging Face Hub reads them; `metrics` gives the name of the record's score for each."""
    name = _plain((data or {}).get("name") or "unknown")
    scores = [
        {"type": metric, "name": SCORE_LABELS[score], "value": round(record[score], 4)}
        for metric, score in metrics.items()
        if isinstance(record.get(score), float)
    ]
    result = {
        "task": {"type": task},
        "dataset": {
            "type": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown",
            "name": name,
            "split": record.get("split"),
        },
        "metrics": scores,
    }
    return [{"name": "pairloom", "results": [result]}] if scores else []


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pairloom.report"),
        autoescape=False,  # noqa: S701 (HTML's escapes are not Markdown's; `finalize` sees every value)
        finalize=_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _text(value: object) -> str:
    """Write a value so that Markdown shows it as it is, on one line."""
    return re.sub(r"[\\`*_{}\[\]<>#+!|~$&@=^]|:(?=//)|(?<=www)\.", r"\\\g<0>", _plain(str(value)))


def _plain(text: str) -> str:
    """Return a text on one line, of characters that can be shown."""
    return re.sub(r"\s+", " ", "".join(_visible(character) for character in text))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    # Half of a character, from a file name of any bytes; or one that turns the direction of the text around it.
    return "�" if category == "Cs" or unicodedata.bidirectional(character) in _TURNING else character


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

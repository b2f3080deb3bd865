"""Images to try a model with: street scenes that Pairloom draws itself, so that nobody's photograph is shown."""

from pathlib import Path

from pairloom.data.image_spec import ImageSpec
from pairloom.images import WHOLE, write_picture
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

SCENES = (3, 21, 34)
SEED = 1
"""`pairloom data streets` draws with 0 unless it is told otherwise, so these are scenes that no run has seen."""
SIZE = (256, 512)


def draw_examples(folder: Path, source: ImageSpec) -> list[Path]:
    """Draw what a model with such sources can translate, and return the files; none where streets are no such thing."""
    if source.palette is None and source.channels in (1, 3) and source.values == WHOLE:
        pictures = [draw_street(SEED, scene, *SIZE)[0] for scene in SCENES]
    elif source.palette == CITYSCAPES:
        pictures = [CITYSCAPES.to_colours(draw_street(SEED, scene, *SIZE)[1]) for scene in SCENES]
    else:
        return []
    paths = [folder / f"street-{number}.png" for number in range(1, len(pictures) + 1)]
    for path, picture in zip(paths, pictures, strict=True):
        write_picture(path, picture)
    return paths

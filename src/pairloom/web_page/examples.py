"""Images to try a model with: street scenes that Pairloom draws itself, so that nobody's photograph is shown."""

from pairloom.data.image_spec import ImageSpec
from pairloom.images import WHOLE, UInt8Array
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

SCENES = (3, 21, 34)
SEED = 1
"""`pairloom data streets` draws with 0 unless it is told otherwise, so these are scenes that no run has seen."""
SIZE = (384, 512)


def draw_examples(source: ImageSpec) -> list[UInt8Array]:
    """Draw what a model with such sources can translate, H×W×3 each; none where streets are no such thing."""
    if source.palette is None and source.channels in (1, 3) and source.values == WHOLE:
        return [draw_street(SEED, scene, *SIZE)[0] for scene in SCENES]
    if source.palette == CITYSCAPES:
        return [CITYSCAPES.to_colours(draw_street(SEED, scene, *SIZE)[1]) for scene in SCENES]
    return []

"""What has come of one image."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.errors import UserError
from pairloom.images import WHOLE, Picture, UInt8Array, Values, for_display, picture_suffix, write_picture
from pairloom.palette import Colour, Palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_INCHES = 5.0
"""Width of each of the two pictures of a plot."""


@dataclass(frozen=True, eq=False)
class Translation:
    """An image, and what a model has made of it, both of the same height and width.

    Attributes:
        source: the image as the model saw it, H×W×C.
        image: the translation, H×W×C: class maps in their colours (uint8), pictures as the model's targets are.
        classes: the class ids, H×W, which are positions in `palette.names`; None where the model makes pictures.
        confidence: the share (0 to 1) that the model gives the class of each pixel, H×W; None for models that answer
            with a picture.
        palette: the classes; None where the model makes pictures.
        source_values, values: what the numbers of the image and of the translation mean.
    """

    source: Picture
    image: Picture
    classes: UInt8Array | None
    confidence: NDArray[np.float32] | None
    palette: Palette | None
    source_values: Values = WHOLE
    values: Values = WHOLE

    @property
    def shown_source(self) -> UInt8Array:
        """The image as people see it, H×W×3."""
        return for_display(self.source, self.source_values)

    @property
    def shown(self) -> UInt8Array:
        """The translation as people see it, H×W×3."""
        return for_display(self.image, self.values)

    @property
    def shares(self) -> dict[str, float]:
        """The share of the pixels (0 to 1) that each class has, by its name; all classes, none for pictures."""
        if self.classes is None or self.palette is None:
            return {}
        counts = np.bincount(self.classes.reshape(-1), minlength=len(self.palette))
        return dict(zip(self.palette.names, (counts / self.classes.size).tolist(), strict=True))

    def overlay(self, alpha: float = 0.5) -> UInt8Array:
        """Lay the translation over the image: H×W×3 uint8; `alpha` (0 to 1) is the translation's weight.

        Raises:
            UserError: for any other weight.
        """
        if not 0 <= alpha <= 1:
            raise UserError(f"the weight of an overlay must be 0 to 1, not {alpha}")
        below, above = (Image.fromarray(picture) for picture in (self.shown_source, self.shown))
        return np.asarray(Image.blend(below, above, alpha))

    def side_by_side(self) -> UInt8Array:
        """Return the image at the left and the translation at the right: H×2W×3 uint8."""
        return np.concatenate([self.shown_source, self.shown], axis=1)

    def save(self, path: str | Path) -> None:
        """Write the translation to a file that keeps it exactly.

        Raises:
            UserError: for names that do not end with `.png` (`.tif` for pictures that PNG cannot hold).
        """
        suffix = picture_suffix(self.image.shape[2], self.image.dtype.name)
        if Path(path).suffix != suffix:
            raise UserError(f"{path}: this translation needs a {suffix} file; change the extension")
        write_picture(Path(path), self.image)

    def plot(self) -> "Figure":
        """Draw the image, the translation, and a legend of the classes in it with their shares, largest first."""
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch

        height, width = self.image.shape[:2]
        shares = {name: share for name, share in self.shares.items() if share > 0}
        tall = min(max(PLOT_INCHES * height / width, 1.5), 2 * PLOT_INCHES)
        figure = Figure(figsize=(2 * PLOT_INCHES + (2.2 if shares else 0.0), tall + 0.5), layout="constrained")
        cells = figure.subplots(1, 2)
        for cell, picture, title in zip(cells, (self.shown_source, self.shown), ("image", "translation"), strict=True):
            cell.imshow(picture, interpolation="nearest")
            cell.set_title(title)
            cell.set_axis_off()
        if self.palette is not None:
            colours = dict(zip(self.palette.names, self.palette.colours, strict=True))
            patches = [
                Patch(facecolor=_for_matplotlib(colours[name]), label=f"{name}  {_percent(share)}")
                for name, share in sorted(shares.items(), key=lambda item: -item[1])
            ]
            figure.legend(handles=patches, loc="outside right upper", frameon=False, fontsize=8)
        return figure


def _for_matplotlib(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _percent(share: float) -> str:
    return "< 0.1 %" if 100 * share < 0.1 else f"{math.floor(1000 * share + 0.5) / 10:.1f} %"

"""A generator together with all that is needed to use it: what training validates is what users run."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pairloom.config import ModelConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.images import Picture, resize_picture, to_picture, to_tensor
from pairloom.models.discriminator import PatchDiscriminator
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.encoders import build_encoder
from pairloom.models.generator import EncoderDecoder, Generator, UNetGenerator
from pairloom.models.heads import Head, build_head, largest
from pairloom.models.layers import Norm, frozen_batch_stats, pad_to_stride
from pairloom.models.resize import Rows, resized_bands
from pairloom.models.tiles import TiledOutput
from pairloom.rng import torch_seeded

LARGEST_WHOLE = 2**20
"""Pixels up to which a model that was trained on crops sees an image whole; larger ones are cut into tiles of `TILE`
pixels per side unless told otherwise, so that memory stays bounded."""
TILE = 512


def build_generator(config: ModelConfig, source: ImageSpec, head: Head) -> Generator:
    """Build the generator that a resolved config describes, with random weights, an encoder's among them."""
    norm = Norm(config.norm, config.norm_epsilon, config.norm_momentum)
    if config.encoder != "none":
        return EncoderUNet(
            build_encoder(config, source.channels),
            source.channels,
            head.channels,
            width=config.width,
            fine_width=config.fine_width or config.width,
            norm=norm,
            tanh=head.tanh,
        )
    if isinstance(config.depth, str):
        raise TypeError("the depth must be resolved to a number first: Experiment.resolved()")
    return UNetGenerator(
        in_channels=source.channels,
        out_channels=head.channels,
        width=config.width,
        depth=config.depth,
        norm=norm,
        up=config.up,
        full_resolution=config.full_resolution,
        fine_width=config.fine_width,
        dropout=config.dropout,
        dropout_from=config.dropout_from,
        tanh=head.tanh,
    )


def build_discriminator(config: ModelConfig, source: ImageSpec, target: ImageSpec) -> PatchDiscriminator:
    """Build the discriminator that a config describes, with fresh weights."""
    return PatchDiscriminator(
        source.channels,
        target.channels,
        width=config.discriminator_width or config.width,
        patch=config.discriminator,
        norm=Norm(config.norm, config.norm_epsilon, config.norm_momentum),
    )


def describe_size(size: Size, scale: float | None) -> str:
    """Say at which size a model sees images; for `size` and `scale` see `TranslationModel`."""
    if scale is None:
        return f"{size.height}×{size.width} pixels{'' if size.height == size.width else ' (height × width)'}"
    return "their own size" if scale == 1 else f"{scale:g} times their own size"


class Prediction(NamedTuple):
    """What an output has been read as."""

    values: Picture
    """Class ids, H×W uint8, or a picture, H×W×C."""
    confidence: NDArray[np.float32] | None
    """The share of the class that was chosen, H×W, 0 to 1; None where the output is a picture."""


@dataclass(frozen=True)
class TranslationModel:
    """A generator, what it translates into what, how its outputs are read, and the size at which it works.

    Attributes:
        size: of the sources that it was trained on.
        scale: at which it sees images, relative to their own size, where it was trained on crops; None where every
            image is resized to `size`.
    """

    config: ModelConfig
    source: ImageSpec
    target: ImageSpec
    size: Size
    generator: Generator
    head: Head
    scale: float | None = None

    @classmethod
    def build(
        cls,
        config: ModelConfig,
        source: ImageSpec,
        target: ImageSpec,
        size: Size,
        device: torch.device,
        *,
        scale: float | None = None,
    ) -> "TranslationModel":
        """Build a model with fresh weights on a device.

        Raises:
            UserError: if the head does not serve such targets.
        """
        head = build_head(config.head, target, device)
        return cls(config, source, target, size, build_generator(config, source, head).to(device), head, scale)

    def seen(self, size: Size, factor: float = 1.0) -> Size:
        """Return the size at which the generator sees an image of this size; `factor` enlarges it."""
        sides = self.size if self.scale is None else (self.scale * side for side in size)
        return Size(*(max(1, round(factor * side)) for side in sides))

    @property
    def can_tile(self) -> bool:
        """Whether the generator's layers can run tile by tile.

        Those of an exported model cannot, nor those of a backbone of transformers.
        """
        return self.generator.can_tile

    @property
    def works_at_its_size_only(self) -> bool:
        """Whether the generator can be trusted with sources of its own size alone.

        So it is where its bottleneck is 1×1, whose outer weights have never been learned, and with `inference: train`,
        where the noise of dropout belongs to a picture's size.
        """
        return self.config.inference == "train" or min(self.size) <= self.generator.stride

    def predict(self, picture: Picture, *, tta: bool = False) -> Picture:
        """Translate one source of any size (H×W×C) to class ids (H×W) or a picture (H×W×C) of that size.

        With test-time augmentation (`tta`) the outputs to the source and to its mirror image are averaged first.
        The same source always gives the same output, and nothing of the model or of torch's random state changes.
        With `inference: train` (the original's rule) batch norm uses the picture's own statistics and dropout stays
        on, seeded by the picture's bytes.
        """
        size = Size(*picture.shape[:2])
        seen = resize_picture(picture, self.seen(size), values=self.source.values)
        return self.prediction(seen, size, tta=tta).values

    def prediction(self, picture: Picture, size: Size, *, tile: int | None = None, tta: bool = False) -> Prediction:
        """Return what `read` makes of `output` at a size; with tiles in less memory, as no output is kept whole.

        Args:
            picture: the source as the generator is to see it, H×W×C.
            size: of the prediction.
            tile: as in `output`.
            tta: as in `predict`.
        """
        if (tile := self._tile(picture, tile)) is None:
            return self.read(self.output(picture, tta=tta), size)
        with self._tiled(picture, tile, tta) as rows:
            return self.read_rows(rows, Size(*picture.shape[:2]), size)

    def output(self, picture: Picture, *, tile: int | None = None, tta: bool = False) -> Tensor:
        """Return what the generator says of one source of any size (H×W×C), in what may be blended and resized.

        That is 1×K×H×W, the share of each class (0 to 1), or a picture, 1×C×H×W in [-1, 1]. `read` makes of it what
        `predict` returns. Determinism and `tta` are as there.

        Args:
            picture: the source as the generator is to see it.
            tile: side of the tiles into which larger sources are cut, in pixels of the source, `SMALLEST_TILE` or more;
                None cuts only what is very large, and that only where the model was trained on crops. A model that
                works at its size only is not asked.
            tta: as in `predict`.
        """
        if (tile := self._tile(picture, tile)) is not None:
            with self._tiled(picture, tile, tta) as rows:
                return rows(0, picture.shape[0])
        with self._ready(picture) as source:
            output = self.head.probabilities(self.generator(source))
            if tta:
                output = (output + self.head.probabilities(self.generator(source.flip(-1))).flip(-1)) / 2
        return output

    def _tile(self, picture: Picture, tile: int | None) -> int | None:
        """Return the side of the tiles into which a source is cut; None where it is not."""
        height, width = picture.shape[:2]
        if tile is None and self.scale is not None and self.can_tile and height * width > LARGEST_WHOLE:
            tile = TILE
        return tile if tile is not None and max(height, width) > tile else None

    @contextmanager
    def _tiled(self, picture: Picture, tile: int, tta: bool) -> Iterator[Rows]:
        """Inside the block the output's rows can be asked for, from the top down."""
        width = picture.shape[1]
        generator = self.generator
        if not self.can_tile or not isinstance(generator, EncoderDecoder):
            raise TypeError("this generator does not run tile by tile")
        with self._ready(picture) as source:
            sources = [source, source.flip(-1)] if tta else [source]
            outputs = [
                TiledOutput(generator, self.head, pad_to_stride(view, generator.stride), tile) for view in sources
            ]

            def rows(first: int, last: int) -> Tensor:
                views = [output.rows(first, last)[..., :width] for output in outputs]
                return (views[0] + views[1].flip(-1)) / 2 if tta else views[0]

            yield rows

    @contextmanager
    def _ready(self, picture: Picture) -> Iterator[Tensor]:
        """Inside the block the generator is as it is in use; gives the source, 1×C×H×W."""
        if picture.ndim != 3 or picture.shape[2] != self.source.channels or not picture.size:
            raise ValueError(f"the source must be H×W×{self.source.channels}, not {picture.shape}")
        device = next(self.generator.parameters()).device
        was_training = self.generator.training
        self.generator.train(self.config.inference == "train")
        try:
            with (
                torch.no_grad(),
                torch_seeded(zlib.crc32(picture.tobytes()), device),
                frozen_batch_stats(self.generator),
            ):
                yield to_tensor(picture, self.source.values).unsqueeze(0).to(device)
        finally:
            self.generator.train(was_training)

    def read(self, output: Tensor, size: Size) -> Prediction:
        """Read an output (as of `output`) at a size: resized bilinearly, then the likeliest class or the picture."""
        return self.read_rows(lambda first, last: output[:, :, first:last], Size(*output.shape[2:]), size)

    @torch.no_grad()
    def read_rows(self, rows: Rows, output_size: Size, size: Size) -> Prediction:
        """Read an output that is given by and by, as `read` does.

        Args:
            rows: gives the output's rows from one to another.
            output_size: of the output.
            size: of the prediction.
        """
        head, palette = self.head, self.target.palette
        shape = size if palette else (*size, self.target.channels)
        values: Picture = np.empty(shape, dtype=np.uint8 if palette else self.target.dtype)
        confidence = np.empty(size, dtype=np.float32) if head.gives_probabilities else None
        for part, output in resized_bands(rows, head.channels, output_size, size, head.temporaries):
            prediction, share = largest(output) if head.gives_probabilities else (head.read(output), None)
            if palette:
                values[part] = prediction[0].cpu().numpy()
            else:
                values[part] = to_picture(prediction[0], self.target.dtype, self.target.values)
            if confidence is not None and share is not None:
                confidence[part] = share[0].cpu().numpy()
        return Prediction(values, confidence)

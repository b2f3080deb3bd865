"""A generator together with all that is needed to use it: what training validates is what users run."""

import zlib
from dataclasses import dataclass

import torch

from pairloom.config import ModelConfig, Size
from pairloom.data.sides import Side
from pairloom.draws import torch_seeded
from pairloom.images import Picture, to_picture, to_tensor
from pairloom.models.discriminator import PatchDiscriminator
from pairloom.models.generator import UNetGenerator
from pairloom.models.heads import Head, build_head
from pairloom.models.layers import Norm, held_statistics


def build_generator(config: ModelConfig, source: Side, head: Head) -> UNetGenerator:
    """Build the generator that a resolved config describes, with fresh weights."""
    if isinstance(config.depth, str):
        raise TypeError("the depth must be resolved to a number first: Experiment.resolved()")
    return UNetGenerator(
        in_channels=source.channels,
        out_channels=head.channels,
        width=config.width,
        depth=config.depth,
        norm=Norm(config.norm, config.norm_epsilon, config.norm_momentum),
        up=config.up,
        full_resolution=config.full_resolution,
        fine_width=config.fine_width,
        dropout=config.dropout,
        dropout_from=config.dropout_from,
        tanh=head.tanh,
    )


def build_discriminator(config: ModelConfig, source: Side, target: Side) -> PatchDiscriminator:
    """Build the discriminator that a config describes, with fresh weights."""
    return PatchDiscriminator(
        source.channels,
        target.channels,
        width=config.discriminator_width or config.width,
        patch=config.discriminator,
        norm=Norm(config.norm, config.norm_epsilon, config.norm_momentum),
    )


@dataclass(frozen=True)
class TranslationModel:
    """A generator, what it translates into what, how its answers are read, and the size at which it works."""

    config: ModelConfig
    source: Side
    target: Side
    size: Size
    generator: UNetGenerator
    head: Head

    @classmethod
    def build(
        cls, config: ModelConfig, source: Side, target: Side, size: Size, device: torch.device
    ) -> "TranslationModel":
        """Build a model with fresh weights on a device.

        Raises:
            UserError: if the head does not serve such targets.
        """
        head = build_head(config.head, target, device)
        return cls(config, source, target, size, build_generator(config, source, head).to(device), head)

    @torch.no_grad()
    def predict(self, picture: Picture, *, tta: bool = False) -> Picture:
        """Translate one source (H×W×C, of the model's size and channels) to class ids (H×W) or a picture (H×W×C).

        With test-time augmentation (`tta`) the answers to the source and to its mirror image are averaged first.
        The same source always gives the same answer, and nothing of the model or of torch's random state changes.
        With `inference: train` (the original's rule) batch norm uses the picture's own statistics and dropout stays
        on, seeded by the picture's bytes.
        """
        expected = (*self.size, self.source.channels)
        if picture.shape != expected:
            raise ValueError(f"the source must be {expected}, not {picture.shape}")
        device = next(self.generator.parameters()).device
        source = to_tensor(picture).unsqueeze(0).to(device)
        was_training = self.generator.training
        self.generator.train(self.config.inference == "train")
        try:
            with torch_seeded(zlib.crc32(picture.tobytes()), device), held_statistics(self.generator):
                answer = self.generator(source)
                if tta:
                    answer = self.head.blend(answer, self.generator(source.flip(-1)).flip(-1))
                prediction = self.head.read(answer).squeeze(0)
        finally:
            self.generator.train(was_training)
        if self.target.palette is None:
            return to_picture(prediction, self.target.dtype)
        ids: Picture = prediction.cpu().numpy()
        return ids

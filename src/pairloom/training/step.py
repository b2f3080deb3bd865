"""One training step: update the discriminator, then the generator (Isola et al., 2017, arXiv:1611.07004).

Plain modules, optimizers and a `backward` function go in, so that the same step runs alone and under any launcher.
Nothing in it waits for the device: losses come back as tensors.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from pairloom.config import LossConfig, Update
from pairloom.models.heads import Head
from pairloom.models.layers import frozen_batch_stats
from pairloom.training.gradient_share import GradientShare
from pairloom.training.losses import ADVERSARIAL, AdversarialLoss, void_mask
from pairloom.training.optimizers import Backward, backward
from pairloom.training.segmentation_losses import cross_entropy, lovasz_loss

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class TrainingStep:
    """Both networks, their optimizers and the losses: call it with a batch to make one step.

    `update` is `separate` (the original: one discriminator update on the real pair, one on a fake, then a fresh
    generator pass with new dropout) or `joint` (one update on both, and the generator's pass is used twice).
    `class_weights` are those of the cross-entropy: one per class (K), on the device; None weighs all alike.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    loss: LossConfig
    head: Head
    update: Update
    class_weights: Tensor | None = None
    backward: Backward = backward
    gradient_share: GradientShare = field(default_factory=GradientShare)

    @property
    def _adversarial(self) -> AdversarialLoss:
        return ADVERSARIAL[self.loss.adversarial]

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        """Update both networks once.

        Args:
            source: B×C×H×W in [-1, 1].
            target: class ids, B×H×W uint8, `VOID` where there is none; or pictures, B×C×H×W in [-1, 1], NaN where there
                is no reading.

        Returns:
            The unweighted mean of each term, detached, by name; and, with an adversarial loss, `adversarial_share`:
            the norm of its gradient at the generator's output over the norm of the other terms', weights included.
        """
        real = self.head.target_picture(target)
        adversarial = self.loss.adversarial_weight > 0
        losses: Losses = {}
        if adversarial and self.update == "separate":
            losses |= self._update_discriminator_separately(source, real, target)
        judged, output = self.gradient_share.fork(self.generator(source))
        fake = self._picture(judged, real, target)
        if adversarial and self.update == "joint":
            losses |= self._update_discriminator_jointly(source, real, fake.detach())
        losses |= self._update_generator(source, fake, output, real, target)
        if adversarial and (ratio := self.gradient_share.ratio()) is not None:
            losses["adversarial_share"] = ratio
        return {name: loss.detach() for name, loss in losses.items()}

    def _picture(self, output: Tensor, real: Tensor, target: Tensor) -> Tensor:
        """Return the picture of an output; void pixels show the real one, so that they give nothing away."""
        picture = self.head.picture(output)
        return torch.where(void_mask(target), real, picture) if self.loss.mask_void else picture

    def _update_discriminator_separately(self, source: Tensor, real: Tensor, target: Tensor) -> Losses:
        """Update on the real pair, then on a fake that is made for this alone."""
        on_real = self._adversarial.real(self.discriminator(source, real))
        self._update_discriminator(on_real)
        with torch.no_grad(), frozen_batch_stats(self.generator):
            fake = self._picture(self.generator(source), real, target)
        on_fake = self._adversarial.fake(self.discriminator(source, fake))
        self._update_discriminator(on_fake)
        return {"discriminator_real": on_real, "discriminator_fake": on_fake}

    def _update_discriminator_jointly(self, source: Tensor, real: Tensor, fake: Tensor) -> Losses:
        """Update once, on the sum of both losses."""
        on_real = self._adversarial.real(self.discriminator(source, real))
        on_fake = self._adversarial.fake(self.discriminator(source, fake))
        self._update_discriminator(on_real + on_fake)
        return {"discriminator_real": on_real, "discriminator_fake": on_fake}

    def _update_discriminator(self, loss: Tensor) -> None:
        self.discriminator_optimizer.zero_grad()
        self.backward(self.loss.discriminator_weight * loss, list(self.discriminator.parameters()))
        self.discriminator_optimizer.step()

    def _update_generator(self, source: Tensor, fake: Tensor, output: Tensor, real: Tensor, target: Tensor) -> Losses:
        """Update the generator by every term of its loss; the discriminator is held fixed."""
        weights, losses = self.loss.weights, Losses()
        if weights["adversarial"]:
            with frozen_batch_stats(self.discriminator):
                losses["adversarial"] = self._adversarial.generator(self.discriminator(source, fake))
        if weights["l1"]:
            losses["l1"] = F.l1_loss(self._picture(output, real, target), real)
        if weights["cross_entropy"]:
            losses["cross_entropy"] = cross_entropy(output, target, self.class_weights)
        if weights["lovasz"]:
            losses["lovasz"] = lovasz_loss(output, target)
        total = output.new_zeros(())
        for name, loss in losses.items():
            total = total + weights[name] * loss
        self.generator_optimizer.zero_grad()
        self.backward(total, list(self.generator.parameters()))
        self.generator_optimizer.step()
        return losses

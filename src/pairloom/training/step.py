"""One training step: update the discriminator, then the generator (Isola et al., 2017, arXiv:1611.07004).

Plain modules, optimizers and a `backward` function go in, so that the same step runs alone and under any launcher.
Nothing in it waits for the device: losses come back as tensors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from pairloom.config import LossConfig, Update
from pairloom.models.heads import Head
from pairloom.models.layers import checkpointed, frozen_batch_stats
from pairloom.training.gradient_share import GradientShare
from pairloom.training.losses import ADVERSARIAL, AdversarialLoss, void_mask
from pairloom.training.optimizers import AverageGradients, Backward, backward, keep_gradients
from pairloom.training.segmentation_losses import cross_entropy, lovasz_loss

Losses = dict[str, Tensor]


class _MicroBatch(NamedTuple):
    """Pairs that are computed at once: the batch of a step, or one of its `accumulate` parts."""

    source: Tensor
    target: Tensor
    real: Tensor
    """The targets as pictures: B×C×H×W."""


class _Translation(NamedTuple):
    """What the generator makes of a part: twice its output, so that each loss's gradient can be measured."""

    fake: Tensor
    """The picture for the adversarial loss, B×C×H×W."""
    output: Tensor
    """The output for all other losses, B×K×H×W."""
    coarse: Tensor | None
    """The coarse output, B×K×H/4×W/4, where there is one."""


@dataclass(frozen=True)
class TrainingStep:
    """Both networks, their optimizers and the losses: call it with a batch to make one step.

    `update` is `separate` (the original: one discriminator update on the real pair, one on a fake, then a fresh
    generator pass with new dropout) or `joint` (one update on both, and the generator's pass is used twice).
    `class_weights` are those of the cross-entropy: one per class (K), on the device; None weighs all alike. `coarse`
    gives the coarse output to the generator's last pass (`CoarseOutput`); it is trained with the generator.

    With `accumulate` above 1 the batch is computed in so many equal parts, one after another, and each network is
    updated by the mean of their gradients. As every loss is a mean over the pairs, that is the gradient of the whole
    batch; only dropout masks differ, and batch norm takes the statistics of a part, and its running ones follow each
    part. A `joint` generator learns from the discriminator that all parts have updated: of each part it keeps the
    output alone, and computes the rest again for its own gradient, with the same dropout.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    loss: LossConfig
    head: Head
    update: Update
    class_weights: Tensor | None = None
    accumulate: int = 1
    backward: Backward = backward
    average_gradients: AverageGradients = keep_gradients
    coarse: nn.Module | None = None

    @property
    def _adversarial(self) -> AdversarialLoss:
        return ADVERSARIAL[self.loss.adversarial]

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        """Update both networks once.

        Args:
            source: B×C×H×W in [-1, 1]; `accumulate` divides B.
            target: class ids, B×H×W uint8, `VOID` where there is none; or pictures, B×C×H×W in [-1, 1], NaN where there
                is no reading.

        Returns:
            The unweighted mean of each term, detached, by name; and, with an adversarial loss, `adversarial_share`:
            the norm of its gradient at the generator's output over the norm of the other terms', weights included.
        """
        batches = [
            _MicroBatch(*tensors, self.head.target_picture(tensors[1]))
            for tensors in zip(source.chunk(self.accumulate), target.chunk(self.accumulate), strict=True)
        ]
        adversarial = self.loss.adversarial_weight > 0
        share = GradientShare()
        # Lazy: in separate updates the generator runs within its own update alone, after both of the discriminator's.
        translations: Iterable[_Translation] = (self._translate(batch, share) for batch in batches)
        losses: Losses = {}
        if adversarial and self.update == "separate":
            losses |= self._update_discriminator(self._on_real(batch) for batch in batches)
            losses |= self._update_discriminator(self._on_fake(batch, self._new_fake(batch)) for batch in batches)
        if adversarial and self.update == "joint":
            translations = list(translations)
            losses |= self._update_discriminator(
                self._on_real(batch) | self._on_fake(batch, translation.fake.detach())
                for batch, translation in zip(batches, translations, strict=True)
            )
        losses |= self._update(
            [self.generator, self.coarse] if self.coarse else [self.generator],
            self.generator_optimizer,
            self.loss.weights,
            self._generator_losses(batches, translations),
        )
        if adversarial and (ratio := share.ratio()) is not None:
            losses["adversarial_share"] = ratio
        return losses

    def _translate(self, batch: _MicroBatch, share: GradientShare) -> _Translation:
        """Translate a part; where other parts come before its gradient, what that needs is computed again for it."""
        if self.accumulate > 1 and self.loss.adversarial_weight > 0 and self.update == "joint":
            output = checkpointed(self.generator, batch.source)
        else:
            output = self.generator(batch.source)
        judged, compared = share.fork(output)
        return _Translation(self._picture(judged, batch), compared, self.coarse() if self.coarse else None)

    def _new_fake(self, batch: _MicroBatch) -> Tensor:
        """Return a picture that is made to train the discriminator alone."""
        with torch.no_grad(), frozen_batch_stats(self.generator):
            return self._picture(self.generator(batch.source), batch)

    def _picture(self, output: Tensor, batch: _MicroBatch) -> Tensor:
        """Return the picture of an output; void pixels show the real one, so that they give nothing away."""
        picture = self.head.picture(output)
        return torch.where(void_mask(batch.target), batch.real, picture) if self.loss.mask_void else picture

    def _on_real(self, batch: _MicroBatch) -> Losses:
        return {"discriminator_real": self._adversarial.real(self.discriminator(batch.source, batch.real))}

    def _on_fake(self, batch: _MicroBatch, fake: Tensor) -> Losses:
        return {"discriminator_fake": self._adversarial.fake(self.discriminator(batch.source, fake))}

    def _generator_losses(
        self, batches: Iterable[_MicroBatch], translations: Iterable[_Translation]
    ) -> Iterator[Losses]:
        """Yield every term of the generator's loss, part by part; the discriminator is held fixed."""
        weights = self.loss.weights
        for batch, (fake, output, coarse) in zip(batches, translations, strict=True):
            losses = Losses()
            if weights["adversarial"]:
                with frozen_batch_stats(self.discriminator):
                    losses["adversarial"] = self._adversarial.generator(self.discriminator(batch.source, fake))
            if weights["l1"]:
                losses["l1"] = F.l1_loss(self._picture(output, batch), batch.real)
            losses |= self._class_losses(output, batch.target)
            if coarse is not None:
                target = F.interpolate(batch.target.unsqueeze(1), size=coarse.shape[2:], mode="nearest").squeeze(1)
                losses |= {f"coarse_{name}": loss for name, loss in self._class_losses(coarse, target).items()}
            yield losses

    def _class_losses(self, logits: Tensor, target: Tensor) -> Losses:
        weights, losses = self.loss.weights, Losses()
        if weights["cross_entropy"]:
            losses["cross_entropy"] = cross_entropy(logits, target, self.class_weights)
        if weights["lovasz"]:
            losses["lovasz"] = lovasz_loss(logits, target)
        return losses

    def _update_discriminator(self, losses_by_batch: Iterable[Losses]) -> Losses:
        weights = dict.fromkeys(("discriminator_real", "discriminator_fake"), self.loss.discriminator_weight)
        return self._update([self.discriminator], self.discriminator_optimizer, weights, losses_by_batch)

    def _update(
        self,
        networks: Sequence[nn.Module],
        optimizer: Optimizer,
        weights: Mapping[str, float],
        losses_by_batch: Iterable[Losses],
    ) -> Losses:
        """Update networks once, and return the mean of each loss over the parts, which are computed one by one."""
        parameters: list[Tensor] = [parameter for network in networks for parameter in network.parameters()]
        optimizer.zero_grad()
        found: list[Losses] = []
        for losses in losses_by_batch:
            total = torch.zeros_like(next(iter(losses.values())))
            for name, loss in losses.items():
                total = total + weights[name] * loss
            self.backward(total / self.accumulate, parameters)
            found.append({name: loss.detach() for name, loss in losses.items()})
        self.average_gradients(parameters)
        optimizer.step()
        return {name: torch.stack([losses[name] for losses in found]).mean(dim=0) for name in found[0]}

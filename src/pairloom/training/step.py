"""One training step: the discriminator's update(s), then the generator's. The pseudo-code of the pix2pix paper.

Plain modules, optimizers and a `backward` function go in, so that the same step runs alone and under any launcher.
Nothing in it waits for the device: losses come back as tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from pairloom.models.heads import Head
from pairloom.models.layers import held_statistics
from pairloom.palette import VOID
from pairloom.training.class_losses import cross_entropy, lovasz_loss
from pairloom.training.losses import AdversarialLoss

Losses = dict[str, Tensor]
Backward = Callable[[Tensor, list[Tensor]], None]
"""Adds the gradient of a loss to the listed parameters, and to no others."""


def backward(loss: Tensor, inputs: list[Tensor]) -> None:
    """Add the gradient of a loss to the listed parameters: the plain `Backward`."""
    torch.autograd.backward(loss, inputs=inputs)


@dataclass(frozen=True)
class Objective:
    """The terms of both networks' losses and their weights; see `pairloom.config.LossConfig`."""

    adversarial: AdversarialLoss
    adversarial_weight: float
    l1: float
    cross_entropy: float
    discriminator_weight: float
    mask_void: bool
    lovasz: float = 0.0
    class_weights: Tensor | None = None
    """Of the cross-entropy: one weight a class (K), on the device; None weighs all alike."""


@dataclass(frozen=True)
class TrainingStep:
    """Both networks, their optimizers and the objective: call it with a batch to make one step.

    `update` is `separate` (the original: one discriminator update for the true pair, one for the generated, then a
    fresh generator pass with new dropout) or `joint` (one update for both, and the generator's pass is used twice).
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    objective: Objective
    head: Head
    update: Literal["joint", "separate"]
    backward: Backward = backward

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        """Update both networks once.

        Args:
            source: B×C×H×W in [-1, 1].
            target: class ids, B×H×W uint8, `VOID` where there is none; or pictures, B×C×H×W in [-1, 1], NaN where there
                is no reading.

        Returns:
            The unweighted mean of each term, detached, by name; and where there is a game `adversarial_share`: the norm
            of its gradient at the generator's answer over the norm of the other terms', weights included.
        """
        truth = self.head.truth(target)
        losses: Losses = {}
        adversarial = self.objective.adversarial_weight > 0
        if adversarial and self.update == "separate":
            losses |= self._update_discriminator_separately(source, truth, target)
        # Two ways to one answer, so that the gradient that comes back on each can be measured.
        answer = self.generator(source)
        judged, judged_norm = _listening(answer)
        compared, compared_norm = _listening(answer)
        shown = self._shown(judged, truth, target)
        if adversarial and self.update == "joint":
            losses |= self._update_discriminator_jointly(source, truth, shown.detach())
        losses |= self._update_generator(source, shown, compared, truth, target)
        if adversarial and compared_norm:
            # Where mixed precision has met an overflow the ratio is none, and counts as 0.
            losses["adversarial_share"] = (judged_norm[0] / compared_norm[0]).nan_to_num(0.0, 0.0, 0.0).mean()
        return {name: loss.detach() for name, loss in losses.items()}

    def _shown(self, answer: Tensor, truth: Tensor, target: Tensor) -> Tensor:
        """Return the picture of an answer; where there is no class it may show the truth, to give nothing away."""
        picture = self.head.picture(answer)
        return torch.where(_void(target), truth, picture) if self.objective.mask_void else picture

    def _update_discriminator_separately(self, source: Tensor, truth: Tensor, target: Tensor) -> Losses:
        """Update on the true pair, then on a generated one that is made for this alone."""
        game = self.objective.adversarial
        on_true = game.true(self.discriminator(source, truth))
        self._update_discriminator(on_true)
        with torch.no_grad(), held_statistics(self.generator):
            shown = self._shown(self.generator(source), truth, target)
        on_generated = game.generated(self.discriminator(source, shown))
        self._update_discriminator(on_generated)
        return {"discriminator_true": on_true, "discriminator_generated": on_generated}

    def _update_discriminator_jointly(self, source: Tensor, truth: Tensor, shown: Tensor) -> Losses:
        """Update once, on the sum of both losses."""
        game = self.objective.adversarial
        on_true = game.true(self.discriminator(source, truth))
        on_generated = game.generated(self.discriminator(source, shown))
        self._update_discriminator(on_true + on_generated)
        return {"discriminator_true": on_true, "discriminator_generated": on_generated}

    def _update_discriminator(self, loss: Tensor) -> None:
        self.discriminator_optimizer.zero_grad()
        self.backward(self.objective.discriminator_weight * loss, list(self.discriminator.parameters()))
        self.discriminator_optimizer.step()

    def _update_generator(self, source: Tensor, shown: Tensor, answer: Tensor, truth: Tensor, target: Tensor) -> Losses:
        """Update the generator through the discriminator, which is held fixed, and by the answer itself."""
        objective = self.objective
        losses: Losses = {}
        total = answer.new_zeros(())
        if objective.adversarial_weight:
            with held_statistics(self.discriminator):
                logits = self.discriminator(source, shown)
            losses["adversarial"] = objective.adversarial.fooling(logits)
            total = total + objective.adversarial_weight * losses["adversarial"]
        if objective.l1:
            losses["l1"] = F.l1_loss(self._shown(answer, truth, target), truth)
            total = total + objective.l1 * losses["l1"]
        if objective.cross_entropy:
            losses["cross_entropy"] = cross_entropy(answer, target, objective.class_weights)
            total = total + objective.cross_entropy * losses["cross_entropy"]
        if objective.lovasz:
            losses["lovasz"] = lovasz_loss(answer, target)
            total = total + objective.lovasz * losses["lovasz"]
        self.generator_optimizer.zero_grad()
        self.backward(total, list(self.generator.parameters()))
        self.generator_optimizer.step()
        return losses


def _listening(answer: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return an answer to go on with, and a list that will hold the norms, a pair each, of its gradient."""
    way, norms = answer.view_as(answer), list[Tensor]()
    # What the hook holds must not lead back to the answer: such a circle through autograd is never freed.
    way.register_hook(lambda gradient: norms.append(gradient.flatten(1).norm(dim=1)))  # type: ignore[no-untyped-call]
    return way, norms


def _void(target: Tensor) -> Tensor:
    """Return where a target has no class, or no reading: B×1×H×W."""
    return target.isnan().any(dim=1, keepdim=True) if target.ndim == 4 else (target == VOID).unsqueeze(1)

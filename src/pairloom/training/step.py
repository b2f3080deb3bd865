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
from pairloom.training.class_losses import cross_entropy, dice_loss, lovasz_loss
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
    dice: float = 0.0
    lovasz: float = 0.0
    feature_matching: float = 0.0
    hard_pixels: float = 1.0
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
            target: class ids, B×H×W uint8, `VOID` where there is none; or pictures, B×C×H×W in [-1, 1].

        Returns:
            The unweighted mean of each term, detached, by name.
        """
        truth = self.head.truth(target)
        losses: Losses = {}
        adversarial = self.objective.adversarial_weight > 0
        if adversarial and self.update == "separate":
            losses |= self._update_discriminator_separately(source, truth, target)
        answer = self.generator(source)
        shown = self._shown(answer, truth, target)
        if adversarial and self.update == "joint":
            losses |= self._update_discriminator_jointly(source, truth, shown.detach())
        losses |= self._update_generator(source, answer, shown, truth, target)
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

    def _update_generator(self, source: Tensor, answer: Tensor, shown: Tensor, truth: Tensor, target: Tensor) -> Losses:
        """Update the generator through the discriminator, which is held fixed."""
        objective = self.objective
        losses: Losses = {}
        total = answer.new_zeros(())
        norms: dict[str, Tensor] = {}
        # Two ways to the same answer, so that what comes back on each can be measured.
        for_game, answer = (self._measured(answer, name, norms) for name in ("game", "reconstruction"))
        if objective.adversarial_weight:
            seen = self._shown(for_game, truth, target)
            with held_statistics(self.discriminator):
                if objective.feature_matching:
                    *features, logits = self.discriminator.features(source, seen)  # type: ignore[operator]
                    with torch.no_grad():
                        *true_features, _ = self.discriminator.features(source, truth)  # type: ignore[operator]
                    differences = [F.l1_loss(*both) for both in zip(features, true_features, strict=True)]
                    losses["feature_matching"] = torch.stack(differences).mean()
                    total = total + objective.feature_matching * losses["feature_matching"]
                else:
                    logits = self.discriminator(source, seen)
            losses["adversarial"] = objective.adversarial.fooling(logits)
            total = total + objective.adversarial_weight * losses["adversarial"]
        if objective.l1:
            losses["l1"] = F.l1_loss(shown, truth)
            total = total + objective.l1 * losses["l1"]
        if objective.cross_entropy:
            losses["cross_entropy"] = cross_entropy(answer, target, objective.class_weights, objective.hard_pixels)
            total = total + objective.cross_entropy * losses["cross_entropy"]
        if objective.dice:
            losses["dice"] = dice_loss(answer, target)
            total = total + objective.dice * losses["dice"]
        if objective.lovasz:
            losses["lovasz"] = lovasz_loss(answer, target)
            total = total + objective.lovasz * losses["lovasz"]
        self.generator_optimizer.zero_grad()
        self.backward(total, list(self.generator.parameters()))
        self.generator_optimizer.step()
        if len(norms) == 2:
            losses["adversarial_share"] = norms["game"] / norms["reconstruction"].clamp(min=1e-12)
        return losses

    @staticmethod
    def _measured(answer: Tensor, name: str, norms: dict[str, Tensor]) -> Tensor:
        """Return the same answer; the norm of the gradient that comes back through it is kept under the name."""
        way = answer.view_as(answer)

        def keep(gradient: Tensor) -> None:
            norms[name] = gradient.norm()

        way.register_hook(keep)  # type: ignore[no-untyped-call]
        return way


def _void(target: Tensor) -> Tensor:
    return (target == VOID).unsqueeze(1)  # B×1×H×W

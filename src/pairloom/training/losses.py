"""The adversarial games, as pure functions of the discriminator's logits."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

AdversarialName = Literal["bce", "lsgan", "hinge"]
Judgement = Callable[[Tensor], Tensor]


def _toward(value: float, loss: Callable[[Tensor, Tensor], Tensor]) -> Judgement:
    return lambda logits: loss(logits, logits.new_full((), value).expand_as(logits))


class AdversarialLoss:
    """Three losses of one game, each the mean over all patches of B×1×h×w logits.

    `true`: the discriminator's on a true pair; `generated`: its loss on a generated one; `fooling`: the generator's.
    """

    def __init__(self, true: Judgement, generated: Judgement, fooling: Judgement) -> None:
        self.true = true
        self.generated = generated
        self.fooling = fooling


_bce = F.binary_cross_entropy_with_logits

ADVERSARIAL: dict[AdversarialName, AdversarialLoss] = {
    # Goodfellow et al., 2014, with the non-saturating generator loss; logits in place of the original's sigmoid.
    "bce": AdversarialLoss(_toward(1, _bce), _toward(0, _bce), _toward(1, _bce)),
    # Mao et al., 2017.
    "lsgan": AdversarialLoss(_toward(1, F.mse_loss), _toward(0, F.mse_loss), _toward(1, F.mse_loss)),
    # Lim & Ye, 2017.
    "hinge": AdversarialLoss(
        lambda logits: F.relu(1 - logits).mean(),
        lambda logits: F.relu(1 + logits).mean(),
        lambda logits: -logits.mean(),
    ),
}
"""Every game by the name that `loss.adversarial` takes."""

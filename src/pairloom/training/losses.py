"""The adversarial losses, as pure functions of the discriminator's logits."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from pairloom.config import AdversarialName
from pairloom.palette import VOID

LogitLoss = Callable[[Tensor], Tensor]


def _toward(value: float, loss: Callable[[Tensor, Tensor], Tensor]) -> LogitLoss:
    return lambda logits: loss(logits, logits.new_full((), value).expand_as(logits))


@dataclass(frozen=True)
class AdversarialLoss:
    """An adversarial loss: three functions of the discriminator's logits (B×1×h×w), each a mean over all patches.

    Attributes:
        real: the discriminator's loss on a real pair.
        fake: the discriminator's loss on a generated pair.
        generator: the generator's loss on its own pair.
    """

    real: LogitLoss
    fake: LogitLoss
    generator: LogitLoss


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
"""Every adversarial loss by the name that `loss.adversarial` takes."""


def void_mask(target: Tensor) -> Tensor:
    """Return where a target has no class, or no reading: B×1×H×W."""
    return target.isnan().any(dim=1, keepdim=True) if target.ndim == 4 else (target == VOID).unsqueeze(1)

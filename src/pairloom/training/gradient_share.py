"""How much of the generator's gradient comes from the discriminator."""

import torch
from torch import Tensor


class GradientShare:
    """Measures the adversarial gradient at the generator's output against that of the other losses, in one step."""

    def __init__(self) -> None:
        self._adversarial: list[Tensor] = []
        self._others: list[Tensor] = []

    def fork(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Fork an output (B×…) so that each loss's gradient can be measured; those of several parts one after another.

        Returns:
            The output for the adversarial loss, and the same for all other losses.
        """
        return _measured(output, self._adversarial), _measured(output, self._others)

    def ratio(self) -> Tensor | None:
        """Return the norm of the adversarial gradient over that of the others, the mean over the pairs.

        None where one of them had no gradient. An overflow of mixed precision counts as 0.
        """
        if not (self._adversarial and self._others):
            return None
        return (torch.cat(self._adversarial) / torch.cat(self._others)).nan_to_num(0.0, 0.0, 0.0).mean()


def _measured(output: Tensor, norms: list[Tensor]) -> Tensor:
    branch = output.view_as(output)
    # The hook must not hold the output: such a cycle through autograd is never freed.
    branch.register_hook(lambda gradient: norms.append(gradient.flatten(1).norm(dim=1)))  # type: ignore[no-untyped-call]
    return branch

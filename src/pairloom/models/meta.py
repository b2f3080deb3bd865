"""Networks without memory: on PyTorch's device `meta`, where tensors have shapes and no numbers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

META = torch.device("meta")
_DRAWS = (Tensor.normal_, Tensor.uniform_)


class _NothingDrawn(TorchFunctionMode):
    """Leaves out what fills weights with random numbers: for it alone PyTorch would load its compiler, in seconds."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function in _DRAWS or getattr(function, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)


@contextmanager
def on_meta() -> Iterator[torch.device]:
    """Have networks that are built inside the block take no memory, whatever their size; gives the device."""
    with META, _NothingDrawn():
        yield META

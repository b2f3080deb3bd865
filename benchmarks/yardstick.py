"""Pix2pix in plain PyTorch, as the usual projects write it: what `benchmarks/step.py` measures Pairloom against.

Float32, default Adam, a forward pass of the discriminator for each of its uses, `requires_grad` switched by hand,
losses read with `.item()` at each step, pairs decoded by a DataLoader. The networks are those of the preset `seed` with
the 70×70 discriminator: U-Net of depth log2(size), batch norm, dropout.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Block(nn.Module):
    """A level of the U-Net with all that lies below it."""

    def __init__(self, outer: int, inner: int, below: "nn.Module | None", *, dropout: float, outermost: bool) -> None:
        super().__init__()
        self.down = nn.Conv2d(outer, inner, 4, 2, 1)
        self.down_norm = nn.BatchNorm2d(inner, 1e-3) if below is not None and not outermost else nn.Identity()
        self.below = below
        self.up = nn.ConvTranspose2d(inner if below is None else 2 * inner, 3 if outermost else outer, 4, 2, 1)
        self.up_norm = nn.Identity() if outermost else nn.BatchNorm2d(outer, 1e-3)
        self.dropout = nn.Dropout(dropout)
        self.outermost = outermost

    def forward(self, x: Tensor) -> Tensor:
        """Return this level's answer beside its input."""
        inner = self.down_norm(self.down(x))
        inner = F.relu(inner) if self.below is None else self.below(F.leaky_relu(inner, 0.2))
        answer = self.up(inner)
        if self.outermost:
            return torch.tanh(answer)
        return F.relu(torch.cat([self.dropout(self.up_norm(answer)), x], 1))


def generator(size: int, width: int) -> nn.Module:
    """Return the U-Net for pictures of `size` pixels per side."""
    depth = size.bit_length() - 1
    widths = [width * min(2**level, 8) for level in range(depth)]
    block: nn.Module | None = None
    for level in reversed(range(1, depth)):
        full = widths[level - 1] == 8 * width and depth - 1 - level < 3
        block = Block(widths[level - 1], widths[level], block, dropout=0.3 if full else 0.0, outermost=False)
    return Block(3, width, block, dropout=0.0, outermost=True)


def discriminator(width: int) -> nn.Module:
    """Return the 70×70 patch discriminator."""
    layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for inner, outer, stride in ((width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)):
        layers += [nn.Conv2d(inner, outer, 4, stride, 1), nn.BatchNorm2d(outer, 1e-3), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class SideBySide(Dataset[tuple[Tensor, Tensor]]):
    """Pairs decoded each time that they are asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        self.files = sorted(folder.glob("*.png"))
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = Image.open(self.files[index]).convert("RGB")
        half = image.width // 2
        sides = (image.crop((0, 0, half, image.height)), image.crop((half, 0, image.width, image.height)))
        source, target = (side.resize((self.size, self.size), Image.Resampling.BICUBIC) for side in sides)
        return _tensor(source), _tensor(target)


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 127.5 - 1


def batches(folder: Path, size: int, batch: int, workers: int) -> Iterator[Sequence[Tensor]]:
    """Yield batches for ever, decoded by so many workers."""
    loader = DataLoader(
        SideBySide(folder, size),
        batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        drop_last=True,
    )
    while True:
        yield from loader


class Pix2Pix:
    """Both networks and their optimizers.

    Args:
        size: pixels per side.
        width: channels of the first layers.
        device: where to compute.
        half: compute in bfloat16 under autocast.
    """

    def __init__(self, size: int, width: int, device: torch.device, *, half: bool = False) -> None:
        self.generator, self.discriminator = generator(size, width).to(device), discriminator(width).to(device)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ]
        self.device, self.half = device, half

    def _game(self, pair: Tensor, wanted: float) -> Tensor:
        logits = self.discriminator(pair)
        return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, wanted, dtype=torch.float32))

    def step(self, source: Tensor, target: Tensor) -> dict[str, float]:
        """Update the discriminator, then the generator."""
        source, target = source.to(self.device), target.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            fake = self.generator(source)
            for parameter in self.discriminator.parameters():
                parameter.requires_grad = True
            self.optimizers[1].zero_grad()
            on_fake = self._game(torch.cat((source, fake), 1).detach(), 0.0)
            on_real = self._game(torch.cat((source, target), 1), 1.0)
        torch.autograd.backward((on_fake + on_real) * 0.5)
        self.optimizers[1].step()
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = False
        self.optimizers[0].zero_grad()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            fooling = self._game(torch.cat((source, fake), 1), 1.0)
            l1 = F.l1_loss(fake.float(), target)
        torch.autograd.backward(fooling + 100 * l1)
        self.optimizers[0].step()
        return {"D_real": on_real.item(), "D_fake": on_fake.item(), "G_GAN": fooling.item(), "G_L1": l1.item()}

"""Both networks as they are trained: built, stepped, saved and brought back."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pairloom.config import LossConfig, ModelConfig, OptimConfig, Size, TrainConfig
from pairloom.data.image_spec import ImageSpec
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.models.encoder import Encoder
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.encoders import without_path
from pairloom.models.generator import EncoderDecoder
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.rng import derived_seed, torch_seeded
from pairloom.training.coarse_output import CoarseOutput
from pairloom.training.cuda_graph import CapturedStep
from pairloom.training.distributed import DistributedContext
from pairloom.training.ema import EMA
from pairloom.training.optimizers import build_optimizer, load_moments, set_rate
from pairloom.training.segmentation_losses import bounded_class_weights
from pairloom.training.step import Losses, TrainingStep


class _Stateful(Protocol):
    """Something whose state is saved."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


@dataclass(frozen=True)
class Networks:
    """The generator and the discriminator, their optimizers, and the average of the generator's weights."""

    eval_model: TranslationModel
    """The model that is validated, kept and used: with the weights that are trained, or their average."""
    modules: Mapping[str, nn.Module]
    """The networks that are trained, by name."""
    ema: EMA | None
    optimizers: tuple[Optimizer, Optimizer]
    step: TrainingStep
    captured: CapturedStep | None
    """The same step as a CUDA graph, where it is made so."""
    stateful: Mapping[str, _Stateful]

    @classmethod
    def build(
        cls,
        training: PairStore,
        size: Size,
        context: DistributedContext,
        *,
        scale: float | None = None,
        model: ModelConfig,
        loss: LossConfig,
        optim: OptimConfig,
        train: TrainConfig,
        log: Callable[[str], None] = print,
    ) -> "Networks":
        """Build what the sections of a resolved config describe, with fresh weights that are the same in every process.

        Raises:
            UserError: if the head does not serve such targets, or the step cannot be recorded as asked.
        """
        fabric = context.fabric
        captured_on = fabric.device if is_captured(train, loss, context) else None
        with torch_seeded(derived_seed(train.seed, "weights"), fabric.device):
            translation = TranslationModel.build(
                model, training.source, training.target, size, fabric.device, scale=scale
            )
            translation = dataclasses.replace(translation, config=without_path(model))
            generator = translation.generator
            if isinstance(generator, EncoderDecoder):
                generator.checkpoint_activations = train.checkpoint_activations
            elif loss.deep_supervision or train.checkpoint_activations:
                asked = "loss.deep_supervision" if loss.deep_supervision else "train.checkpoint_activations"
                raise UserError(f"{asked} cannot be had with {type(generator).__name__}; leave it out")
            discriminator = build_discriminator(model, training.source, training.target)
            # Before the generator is watched: a copy of it would be watched as well.
            ema = EMA(generator, optim.ema) if optim.ema else None
            coarse = None
            if loss.deep_supervision and isinstance(generator, EncoderDecoder):
                coarse = CoarseOutput(generator, translation.head.channels).to(fabric.device)
            wrapped_generator, generator_optimizer = fabric.setup(
                generator, build_optimizer(generator, optim, captured_on, also=coarse)
            )
            wrapped_discriminator, discriminator_optimizer = fabric.setup(
                discriminator, build_optimizer(discriminator, optim, captured_on)
            )
        modules = {"generator": generator, "discriminator": discriminator, **({"coarse": coarse} if coarse else {})}
        step = TrainingStep(
            wrapped_generator,
            wrapped_discriminator,
            generator_optimizer,
            discriminator_optimizer,
            _with_mask(loss, training.target),
            translation.head,
            train.update,
            _class_weights(loss, training, fabric.device),
            train.accumulate,
            backward=context.backward,
            average_gradients=context.average_gradients,
            coarse=fabric.setup_module(coarse) if coarse else None,
        )
        return cls(
            eval_model=dataclasses.replace(translation, generator=ema.network) if ema else translation,
            modules=modules,
            ema=ema,
            optimizers=(generator_optimizer, discriminator_optimizer),
            step=step,
            captured=CapturedStep(step, log) if captured_on else None,
            stateful={
                **modules,
                "generator_optimizer": generator_optimizer,
                "discriminator_optimizer": discriminator_optimizer,
                "precision": fabric.strategy.precision,
                **({"average": ema} if ema else {}),
            },
        )

    def load_pretrained_encoder(self) -> None:
        """Give the generator's encoder, where it has one, its pretrained weights.

        Raises:
            UserError: if they cannot be read or do not fit.
        """
        generator = self.modules["generator"]
        if isinstance(generator, EncoderUNet):
            generator.load_pretrained()
            if self.ema:
                self.ema.load_state_dict(generator.state_dict())

    def load_matching(self, weights: Mapping[str, Tensor]) -> list[str]:
        """Load into the generator the weights that fit by name and shape; return the names of those that do not."""
        generator = self.modules["generator"]
        own = generator.state_dict()
        taken = {name: tensor for name, tensor in weights.items() if name in own and own[name].shape == tensor.shape}
        generator.load_state_dict({**own, **taken})
        if self.ema:
            self.ema.load_state_dict(generator.state_dict())
        return sorted(own.keys() - taken.keys())

    def train(self, source: Tensor, target: Tensor, number: int, rate: float) -> Losses:
        """Make a step, numbered from 1, at a learning rate; see `TrainingStep`."""
        for network in self.modules.values():
            network.train()
        for optimizer in self.optimizers:
            set_rate(optimizer, rate)
        losses = (self.captured or self.step)(source, target)
        if self.ema:
            self.ema.update(number)
        return losses

    def tensors(self) -> list[Tensor]:
        """Return all weights and statistics, those of the average included."""
        return [tensor for network in self._networks() for tensor in network.state_dict().values()]

    def batch_statistics(self) -> list[Tensor]:
        """Return batch norm's running means and variances, of all networks."""
        return [tensor for network in self._networks() for tensor in running_statistics(network)]

    def _networks(self) -> list[nn.Module]:
        return [*self.modules.values(), *([self.ema.network] if self.ema else [])]

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """Return all that has to be saved."""
        return {name: keeper.state_dict() for name, keeper in self.stateful.items()}

    def load_state_dict(self, state: Mapping[str, dict[str, Any]]) -> None:
        """Take what was saved.

        Raises:
            RuntimeError, ValueError, KeyError, TypeError, AttributeError: if it does not fit.
        """
        for name, keeper in self.stateful.items():
            if keeper in self.optimizers:
                load_moments(keeper, state[name])
            else:
                keeper.load_state_dict(state[name])


def running_statistics(network: nn.Module) -> Iterator[Tensor]:
    """Yield the running means and variances of batch norm; not those of a pretrained encoder, which are fixed."""
    if isinstance(network, nn.BatchNorm2d):
        yield from (buffer for buffer in network.buffers() if buffer.is_floating_point())
    elif not isinstance(network, Encoder):
        for child in network.children():
            yield from running_statistics(child)


def is_captured(train: TrainConfig, loss: LossConfig, context: DistributedContext) -> bool:
    """Tell whether steps are recorded as a CUDA graph.

    Those that are averaged over processes, or scaled, are not; nor are those that run parts of the generator again in
    the backward pass, since the state of the random draws, which is set back for that, cannot be read in a recording.

    Raises:
        UserError: if they must be and cannot.
    """
    recomputed = train.checkpoint_activations or (
        train.accumulate > 1 and train.update == "joint" and loss.adversarial_weight > 0
    )
    if train.compile == "graph" and recomputed:
        raise UserError(
            "train.compile graph cannot record activations that are computed again (train.checkpoint_activations, or "
            "train.accumulate with a discriminator and joint updates); use --compile auto"
        )
    able = context.fabric.device.type == "cuda" and context.world_size == 1 and context.precision != "16-mixed"
    if train.compile == "graph" and not able:
        raise UserError(
            "train.compile graph needs a single GPU and precision 32-true or bf16-mixed; use --compile auto"
        )
    return able and not recomputed and train.compile != "off"


def _class_weights(loss: LossConfig, training: PairStore, device: torch.device) -> Tensor | None:
    if not loss.cross_entropy or loss.class_weights == "none":
        return None
    return bounded_class_weights(training.class_fractions(), loss.class_weight_offset).to(device)


def _with_mask(loss: LossConfig, target: ImageSpec) -> LossConfig:
    """Return the losses with `mask_void` as the targets need it: of pictures, just where pixels may lack a reading."""
    return loss if target.palette else dataclasses.replace(loss, mask_void=target.may_lack_readings)

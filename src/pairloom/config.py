"""One experiment as frozen dataclasses: every setting with its meaning, range and default."""

import dataclasses
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pairloom.errors import UserError

LARGEST_SIDE = 8192
"""The largest side, in pixels, of what a network sees."""

LARGEST_SCALE = 4
"""The largest scale, relative to their own size, at which a network sees images."""

LARGEST_WIDTH = 4096
"""Channels of a network's first layer, and of a picture, at the most; memory ends long before."""

LARGEST_NUMBER = 2**63
"""Largest integer setting: seeds have 64 bits."""

MINIMUM_SIDE = 32
"""The smallest side, in pixels, to which the discriminators have an answer."""


LayoutName = Literal[
    "auto",
    "patterns",
    "manifest",
    "cityscapes",
    "camvid",
    "two-folders",
    "one-folder",
    "mask-files",
    "annotations",
    "side-by-side",
]
Direction = Literal["auto", "AtoB", "BtoA"]
ValueRange = tuple[float, float] | Literal["auto", "whole"]
NoReading = float | Literal["auto", "none"]
Background = Literal["class", "void"]
HeadName = Literal["classes", "rgb"]
NormName = Literal["batch", "instance", "group", "none"]
UpName = Literal["transposed", "resize"]
PatchName = Literal["patch142", "patch70"]
InferenceMode = Literal["eval", "train"]
OptimizerName = Literal["adam", "adamw"]
AdversarialName = Literal["bce", "lsgan", "hinge"]
Update = Literal["joint", "separate"]
Sampling = Literal["shuffle", "replacement"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
Compile = Literal["auto", "graph", "off"]
Keep = Literal["best", "last"]


class Size(NamedTuple):
    """Height and width of a picture in pixels, written `H` for a square or `HxW`."""

    height: int
    width: int

    @classmethod
    def parse(cls, text: object) -> "Size":
        """Read `256`, `"256"` or `"256x512"`; raise ValueError for anything else."""
        if isinstance(text, Size):
            return text
        parts = str(text).lower().split("x")
        if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
            raise ValueError(f"a size is H or HxW in pixels, such as 256 or 256x512, not {text!r}")
        return cls(int(parts[0]), int(parts[-1]))

    def __str__(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"


def _require_reach(section: str, config: object, **least: int) -> None:
    """Raise UserError for whole numbers below the least that a field takes, or larger than anything could hold."""
    for name, value in vars(config).items():
        if isinstance(value, int):
            largest = LARGEST_WIDTH if name.endswith(("width", "channels")) else LARGEST_NUMBER
            _require(value <= largest, f"{section}.{name} must be {largest} or less")
            _require(value >= least.get(name, value), f"{section}.{name} must be {least.get(name)} or more")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UserError(message)


@dataclass(frozen=True)
class DataConfig:
    """The pairs and how they are read."""

    root: str = ""
    """Data folder or manifest file; DATA on the command line."""
    layout: LayoutName = "auto"
    """Layout of the data folder; `auto` detects it from the names and a sample of the images."""
    sources: str = ""
    """Sources, instead of a layout: a folder or a pattern such as `photos/*.jpg`, relative to the data folder, with or
    without split folders. Needs `data.targets`."""
    targets: str = ""
    """Targets, instead of a layout: a folder or a pattern such as `gt/{stem}_mask.png`, where `{stem}` is the source's
    name without extension, and each `*` matches what the same one of `data.sources` matches."""
    direction: Direction = "auto"
    """`AtoB` translates the first image of a pair (left half, `source/`, `A/`, photograph) to the second; `BtoA` the
    second to the first. `auto` is `AtoB`, except for side by side images: there from photographs to class maps."""
    target: Literal["auto", "classes", "images"] = "auto"
    """Kind of the targets: class maps (class ids) or pictures. `auto` detects it in a sample."""
    palette: str = "auto"
    """Classes of the targets: a built-in palette, or a YAML file (in a config, relative to the config file). `auto`
    takes the layout's palette, or detects colours or values in a sample."""
    classes: Literal["train", "all"] = "train"
    """Cityscapes labels: the 19 evaluation classes, or all 30 distinguishable ones."""
    exif: Literal["auto", "apply", "ignore"] = "auto"
    """EXIF orientation of the pairs: `apply` rotates each image upright, `ignore` reads pixels as stored. `auto`
    rotates, and refuses pairs of which only one image has an orientation unless their sizes match only upright. Images
    to be translated are always rotated."""
    val_share: float = 0.15
    """Fraction of the training pairs held back for validation if the data have no validation split, in (0, 1)."""
    group: str = ""
    """Keeps groups of pairs in one split (frames of a drive, slices of a patient): a number N groups by the Nth folder
    below the data folder, other text by a regular expression on the source's path (its first group). Empty: no
    groups."""
    background: Background = "class"
    """Pixels outside all annotated shapes and mask files: the class `background`, or void."""
    split_seed: int = 0
    """Seed of the validation split and of the draw of `data.train_pairs`, ≥ 0. Independent of `train.seed`, so that
    runs with other seeds have the same pairs."""
    size: Size = Size(256, 256)  # noqa: RUF009 (immutable)
    """Size of the network input and of scored pairs: H or HxW in pixels, each side in [32, 8192]. Aspect is not
    kept. Unused with `data.crop`."""
    crop: Size | None = None
    """Size of random crops to train on, H or HxW in pixels, each side in [32, 8192], cut from the pairs at `data.scale`
    of their own size. Images are then validated and translated whole at that scale, whatever their sizes, and scored at
    their own size. null resizes every image to `data.size` instead."""
    scale: float = 1.0
    """With `data.crop`: size at which images are seen, relative to their own, in (0, 4]."""
    range: ValueRange = "auto"
    """Value range of target pictures, [lowest, highest] in their own units: drawn as black and white, scored as 0 and
    1; values beyond it are clipped. `whole`: the range of the dtype (0 to 255, 0 to 65535, 0 to 1 for floats). `auto`:
    for more than 8 bits detected in a sample of the training pairs."""
    no_reading: NoReading = "auto"
    """Value for "no reading" in target pictures, such as 0 or -9999; its pixels are left out of losses and scores, as
    NaN always is. `none`: no such value. `auto`: the nodata value of GeoTIFF files, or a usual one apart from all
    others in a sample."""
    source_range: ValueRange = "auto"
    """Value range of source pictures, as `data.range`."""
    source_no_reading: NoReading = "auto"
    """Value for "no reading" in source pictures, as `data.no_reading`; the network sees the lowest value of the range
    there."""
    train_pairs: int | None = None
    """Number of training pairs, ≥ 1, drawn with `data.split_seed`; null takes all."""
    store_size: int = 1024
    """Longest side of cached training pairs in pixels, ≥ 32; larger pairs are downsampled to it, but never below what
    `data.size` and `augment.scale` need."""
    license: str = ""
    """Licence of the data for the model card, such as CC-BY-4.0. Empty: none is stated."""

    def __post_init__(self) -> None:
        _require_reach("data", self, split_seed=0, store_size=MINIMUM_SIDE, train_pairs=1)
        for name, size in (("size", self.size), ("crop", self.crop or self.size)):
            _require(max(size) <= LARGEST_SIDE, f"data.{name} must be {LARGEST_SIDE} pixels per side or less")
        _require(0 < self.scale <= LARGEST_SCALE, f"data.scale must be above 0, at most {LARGEST_SCALE}")
        _require(self.scale == 1 or self.crop is not None, "data.scale needs data.crop, such as --data.crop 256")
        _require(bool(self.sources) == bool(self.targets), "data.sources and data.targets must be given together")
        _require(
            not self.sources or self.layout in ("auto", "patterns"),
            "data.sources and data.targets replace data.layout; remove data.layout, or both of them",
        )
        try:
            re.compile(self.group)
        except re.error as error:
            raise UserError(f"data.group {self.group!r} is not a regular expression ({error})") from error
        _require(0 < self.val_share < 1, "data.val_share must lie between 0 and 1")
        for name in ("range", "source_range"):
            ends = getattr(self, name)
            _require(
                isinstance(ends, str) or -math.inf < ends[0] < ends[1] < math.inf,
                f"data.{name} must be [lowest, highest], auto or whole, not {ends}",
            )
        for name in ("no_reading", "source_no_reading"):
            number = getattr(self, name)
            _require(
                isinstance(number, str) or math.isfinite(number),
                f"data.{name} must be a finite number, auto or none; NaN and infinite values are never readings",
            )


@dataclass(frozen=True)
class AugmentConfig:
    """Random augmentation of training pairs: geometry of both images alike, colour of the photograph only."""

    flip: bool = True
    """Mirror half of the pairs left to right."""
    scale: tuple[float, float] = (0.9, 1.25)
    """Smallest and largest zoom, in [0.1, 10]. Above 1 a crop is upsampled; below 1 the pair is downsampled, and padded
    with void where it does not fill the example."""
    rare: float = 0.0
    """Fraction of the crops that are drawn around a pixel of one of the pair's classes, each class being as likely, in
    [0, 1]; the other crops lie anywhere."""
    brightness: float = 0.2
    """Largest relative change of the photograph's brightness, in [0, 1]."""
    contrast: float = 0.2
    """Largest relative change of the photograph's contrast, in [0, 1]."""
    saturation: float = 0.2
    """Largest relative change of the photograph's saturation, in [0, 1]."""
    hue: float = 0.02
    """Largest change of the photograph's hue, as a fraction of the colour circle, in [0, 0.5]."""

    def __post_init__(self) -> None:
        _require(
            0.1 <= self.scale[0] <= self.scale[1] <= 10, "augment.scale must be [smallest, largest] within 0.1 to 10"
        )
        for name in ("brightness", "contrast", "saturation"):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name} must be 0 to 1")
        _require(0 <= self.rare <= 1, "augment.rare must be 0 to 1")
        _require(0 <= self.hue <= 0.5, "augment.hue must be 0 to 0.5")

    @property
    def enabled(self) -> bool:
        """Whether any change is ever made."""
        colour = (self.brightness, self.contrast, self.saturation, self.hue)
        return self.flip or self.scale != (1, 1) or any(colour)


@dataclass(frozen=True)
class ModelConfig:
    """Both networks, and how the generator's output is read."""

    head: HeadName = "classes"
    """Output of the generator: one logit per class, or a picture whose colours are read by the palette."""
    encoder: str = "none"
    """Pretrained encoder of the generator: `efficientnet-lite0`, which is installed with Pairloom; or a backbone of
    Hugging Face transformers (extra `[encoders]`): its name on the hub, such as `facebook/dinov2-small`, or a folder.
    `none` trains a U-Net from random weights. An encoder leaves `model.depth`, `full_resolution`, `up`, `dropout` and
    `dropout_from` unused."""
    backbone: dict[str, Any] | None = None
    """Description of the backbone: its configuration, feature maps, input statistics and licence. Written by training,
    which reads it from `model.encoder`; it needs no value."""
    in_channels: int | None = None
    """Channels of the source, ≥ 1; null follows the data: 1 if all are greyscale, 3 for colours, N for N."""
    out_channels: int | None = None
    """Channels of target pictures, ≥ 1; null follows the data. Class maps are drawn with 3."""
    width: int = 64
    """Channels of the first layer of both networks, in [1, 4096]. With an encoder the decoder's blocks have 4, 2, 1
    and 0.5 times as many."""
    discriminator_width: int | None = None
    """Channels of the discriminator's first layer, in [1, 4096]; null takes `model.width`."""
    depth: int | Literal["auto", "full"] = "auto"
    """Number of downsampling steps in the generator, in [1, 12] and at most what `data.size` allows. `auto` stops at a
    bottleneck of 4×4 or larger (at most 7 steps); `full` goes down to 1×1, as the original does: the network then works
    at its training size only, a square whose side is a power of two."""
    norm: NormName = "instance"
    """Normalisation layer of both networks."""
    norm_epsilon: float = 1e-5
    """Epsilon of normalisation, added to the variance, > 0."""
    norm_momentum: float = 0.1
    """Momentum of batch norm in PyTorch's sense, in [0, 1] (1 minus that of Keras)."""
    full_resolution: bool = True
    """Add two 3×3 convolutions at full resolution to encoder and decoder, with a skip connection. The original's finest
    features have half the resolution, where thin objects are lost."""
    fine_width: int | None = None
    """Channels of the layers at full resolution, in [1, 4096]; null takes `model.width`, with an encoder half of it."""
    up: UpName = "resize"
    """Upsampling in the decoder: transposed convolution, or nearest-neighbour upsampling and convolution."""
    dropout: float = 0.0
    """Dropout probability in at most three full-width decoder blocks, in [0, 1)."""
    dropout_from: int = 0
    """First decoder block with dropout, ≥ 0: 0 is the innermost. pytorch-CycleGAN-and-pix2pix has 1."""
    discriminator: PatchName = "patch70"
    """Discriminator, named by receptive field in pixels. Output for a 256×256 pair: `patch142` 16×16, `patch70`
    30×30."""
    inference: InferenceMode = "eval"
    """Mode of the generator at inference. `train` keeps batch statistics and dropout (seeded by the image) on, as the
    original does."""

    def __post_init__(self) -> None:
        channels = ("in_channels", "out_channels", "width", "discriminator_width", "fine_width")
        _require_reach("model", self, **dict.fromkeys(channels, 1), dropout_from=0)
        _require(self.encoder.strip() != "", "model.encoder must not be empty; none trains from random weights")
        _require(isinstance(self.depth, str) or 1 <= self.depth <= 12, "model.depth must be 1 to 12, auto or full")
        _require(0 <= self.dropout < 1, "model.dropout must be at least 0 and below 1")
        _require(0 < self.norm_epsilon < math.inf, "model.norm_epsilon must be a number above 0")
        _require(0 <= self.norm_momentum <= 1, "model.norm_momentum must be 0 to 1")

    @property
    def generator_name(self) -> str:
        """The generator in a few words."""
        if self.encoder == "none":
            return f"U-Net of width {self.width} and depth {self.depth}"
        return f"U-Net of width {self.width} on the encoder {self.encoder}"


@dataclass(frozen=True)
class LossConfig:
    """Loss terms and their weights. At least one term of the generator has a weight above 0."""

    adversarial: AdversarialName = "bce"
    """The adversarial loss: binary cross-entropy, least squares, or hinge."""
    adversarial_weight: float = 0.1
    """Weight of the adversarial term in the generator's loss, ≥ 0; 0 trains no discriminator."""
    l1: float = 0.0
    """Weight of the L1 loss of pictures in [-1, 1], ≥ 0."""
    cross_entropy: float = 10.0
    """Weight of the cross-entropy of the classes, ≥ 0; above 0 it needs `model.head` classes."""
    lovasz: float = 5.0
    """Weight of the Lovász-softmax loss of the classes, ≥ 0; above 0 it needs `model.head` classes (M. Berman et al.,
    2018)."""
    class_weights: Literal["none", "bounded"] = "bounded"
    """Class weights in the cross-entropy. `bounded`: 1 / ln(`loss.class_weight_offset` + fraction of the training
    pixels) (A. Paszke et al., 2016, section 5)."""
    class_weight_offset: float = 1.02
    """Offset in `bounded` class weights, > 1. It limits the largest weight: 50.5 with 1.02, 10.5 with 1.1."""
    deep_supervision: float = 0.0
    """Weight of the classes' losses (cross-entropy and Lovász, as weighted above) of a second output, at a quarter of
    the sides, that exists in training alone, ≥ 0; above 0 it needs `model.head` classes (C.-Y. Lee et al., 2015)."""
    discriminator_weight: float = 0.5
    """Weight of the discriminator's loss on real and fake pairs, ≥ 0."""
    mask_void: bool = True
    """Leave void pixels out of the adversarial and the L1 loss; `false` trains on black there, as the original does.
    Cross-entropy and Lovász always leave them out, and every loss pixels with no reading in pictures."""

    def __post_init__(self) -> None:
        for name in ("adversarial_weight", "l1", "cross_entropy", "lovasz", "deep_supervision", "discriminator_weight"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value >= 0, f"loss.{name} must be a number of 0 or more")
        _require(any(self.weights.values()), "every weight of the loss is 0")
        _require(1 < self.class_weight_offset < math.inf, "loss.class_weight_offset must be a number above 1")

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term of the generator's loss, by its name in the log."""
        return {
            "adversarial": self.adversarial_weight,
            "l1": self.l1,
            "cross_entropy": self.cross_entropy,
            "lovasz": self.lovasz,
            "coarse_cross_entropy": self.deep_supervision * self.cross_entropy,
            "coarse_lovasz": self.deep_supervision * self.lovasz,
        }


@dataclass(frozen=True)
class OptimConfig:
    """Optimizer of both networks, the learning rate schedule, and EMA."""

    optimizer: OptimizerName = "adam"
    """`adam`, or `adamw`, which applies `optim.weight_decay` (I. Loshchilov and F. Hutter, 2019)."""
    learning_rate: float = 2e-4
    """Initial learning rate, > 0."""
    encoder_rate: float = 0.3
    """Learning rate of the pretrained encoder, as a fraction of `optim.learning_rate`, ≥ 0; 0 freezes it."""
    weight_decay: float = 0.01
    """Weight decay of `adamw`, ≥ 0; `adam` has none."""
    beta1: float = 0.5
    """Adam's β₁, decay of the mean of gradients, in [0, 1)."""
    beta2: float = 0.999
    """Adam's β₂, decay of the mean of squared gradients, in [0, 1)."""
    epsilon: float = 1e-8
    """Adam's epsilon, > 0."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How the learning rate falls to 0 between `optim.decay_start` and `optim.decay_end`."""
    decay_start: int = 0
    """Epoch from which the learning rate falls, ≥ 0."""
    decay_end: int | None = None
    """Epoch at which the learning rate reaches 0, > `optim.decay_start`; null takes `train.epochs`, also when that is
    raised."""

    ema: float = 0.999
    """Decay per step of the exponential moving average of the generator's weights, in [0, 1). Above 0 the average is
    validated, saved and used."""

    def __post_init__(self) -> None:
        _require_reach("optim", self, decay_start=0)
        _require(0 <= self.ema < 1, "optim.ema must be at least 0 and below 1")
        _require(0 < self.learning_rate < math.inf, "optim.learning_rate must be a number above 0")
        _require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, "optim.beta1 and optim.beta2 must be at least 0, below 1")
        _require(self.epsilon > 0, "optim.epsilon must be above 0")
        for name in ("encoder_rate", "weight_decay"):
            _require(0 <= getattr(self, name) < math.inf, f"optim.{name} must be a number of 0 or more")
        _require(
            self.decay_end is None or self.decay_end > self.decay_start,
            "optim.decay_end must lie after optim.decay_start",
        )


@dataclass(frozen=True)
class TrainConfig:
    """Length, batches and devices of training, and what is saved."""

    epochs: int = 70
    """Number of epochs, ≥ 1. An epoch has pairs / batch size steps."""
    batch_size: int = 1
    """Pairs per step, over all devices, ≥ 1."""
    update: Update = "joint"
    """Order of the updates. `joint`: one discriminator update on both pairs, one forward pass of the generator (usual
    in PyTorch). `separate`: one discriminator update per pair, then a new forward pass (the original's)."""
    sampling: Sampling = "shuffle"
    """Sampling of the pairs. `shuffle`: each pair once per epoch; `replacement`: with replacement, as the original
    does."""
    init: str = ""
    """Run, model folder or model on a hub with whose weights training begins. Its network must have the same settings;
    for other classes the last layers begin anew. Empty: random weights, and ImageNet's in an encoder."""
    seed: int = 0
    """Seed of every random draw in training, ≥ 0."""
    device: Device = "auto"
    """Device; `auto` takes a GPU if there is one."""
    devices: int = 1
    """Number of processes that share each batch, ≥ 1: one per GPU, or on the CPU with a share of its cores each.
    `train.batch_size` must be a multiple. `torchrun` and SLURM set the number themselves."""
    accumulate: int = 1
    """Parts in which the pairs of a step are computed, one after another, ≥ 1; their gradients are added, and memory is
    that of one part. `train.batch_size` / `train.devices` must be a multiple. Batch norm takes the statistics of a
    part."""
    checkpoint_activations: bool = False
    """Activation checkpointing: keep the inputs of the generator's blocks alone for the backward pass, and run each
    block again there. Less memory, more time, the same results."""
    precision: Precision = "auto"
    """Floating-point precision. `auto`: `bf16-mixed` on a GPU that supports it, else `32-true`."""
    compile: Compile = "auto"
    """Execution of a training step. `graph`: captured as one CUDA graph; `off`: kernel by kernel. `auto`: `graph` on a
    single GPU unless the precision is `16-mixed` or activations are computed again (`train.checkpoint_activations`;
    `train.accumulate` with a discriminator and `joint` updates)."""
    validate_every: int = 1
    """Epochs between validations, ≥ 1; the last epoch is always validated."""
    patience: int | None = None
    """Training ends early once this many validations in a row, ≥ 1, have brought no better model; null: never. The
    learning rate falls as it would over all epochs."""
    minutes: float | None = None
    """Training ends with the last epoch that fits into this many minutes, > 0, but not before its first one; null: no
    limit. What counts is the time of the epochs, those before a stop too, not reading the data and the last report; an
    epoch is expected to take as long as those before. The learning rate falls as it would over all epochs."""
    checkpoint_minutes: float = 5.0
    """Minutes between saved training states, > 0; the state is also saved at the end and at a signal."""
    checkpoint_steps: int | None = None
    """Steps between saved training states, ≥ 1, in addition to `train.checkpoint_minutes`; null: minutes only."""
    snapshot_every: int = 10
    """Epochs between snapshots of the generator, ≥ 1; the last epoch always has one."""
    samples: int = 3
    """Number of validation pairs, ≥ 1, that are drawn with `train.seed` and translated at each validation, for the
    report."""
    keep: Keep = "best"
    """Generator saved in `model/`: the best validation epoch (mean IoU of classes, L1 of pictures), or the last."""

    def __post_init__(self) -> None:
        counts = ("epochs", "batch_size", "devices", "accumulate")
        intervals = ("validate_every", "checkpoint_steps", "snapshot_every")
        _require_reach("train", self, **dict.fromkeys((*counts, *intervals, "patience", "samples"), 1), seed=0)
        _require(
            self.batch_size % self.devices == 0,
            f"train.batch_size {self.batch_size} is not a multiple of {self.devices} devices; change one of them",
        )
        self.require_equal_parts(self.devices)
        _require(self.checkpoint_minutes > 0, "train.checkpoint_minutes must be above 0")
        _require(self.minutes is None or self.minutes > 0, "train.minutes must be above 0")

    def require_equal_parts(self, devices: int) -> None:
        """Raise UserError if the pairs of a step that each of so many devices has cannot be computed in equal parts."""
        pairs = self.batch_size // devices
        _require(
            pairs % self.accumulate == 0,
            f"train.accumulate {self.accumulate} does not divide the pairs of a device, {pairs} (train.batch_size "
            f"{self.batch_size} over {devices}); change one of them",
        )


@dataclass(frozen=True)
class Experiment:
    """All settings of a run.

    Raises:
        UserError: for values out of range and invalid combinations.
    """

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Reject invalid combinations."""
        names = ("cross_entropy", "lovasz", "deep_supervision")
        of_classes = [f"loss.{name}" for name in names if getattr(self.loss, name)]
        _require(
            self.model.head == "classes" or not of_classes,
            f"{' and '.join(of_classes)} need class logits; set model.head to classes, or these weights to 0",
        )
        # The hook behind the coarse output keeps what the last of the parts' passes has left.
        _require(
            not (self.loss.deep_supervision and self.loss.adversarial_weight and self.train.accumulate > 1)
            or self.train.update == "separate",
            "loss.deep_supervision cannot be had with train.accumulate and a discriminator in joint updates; set "
            "loss.deep_supervision to 0, or train.update to separate",
        )
        name, size, depth = "data.crop" if self.data.crop else "data.size", self.input_size, self.model.depth
        side = min(size.height, size.width)
        _require(side >= MINIMUM_SIDE, f"{name} {size} is too small; the minimum is {MINIMUM_SIDE} pixels per side")
        _require(
            self.data.crop is None or (depth != "full" and self.model.inference == "eval"),
            "data.crop needs a network that works at any size; leave it out with model.depth full or model.inference "
            "train (as in the preset seed)",
        )
        if depth == "full":
            _require(
                size.height == size.width and side & (side - 1) == 0,
                f"model.depth full downsamples to 1×1, so data.size must be a power of two, not {size}; "
                "set model.depth to auto for other sizes",
            )
        elif depth != "auto":
            fits = side > 2**depth if self.data.crop else side >= 2**depth  # 1×1 has no statistics at other sizes
            _require(fits, f"{name} {size} cannot be downsampled {depth} times; lower model.depth")

    @property
    def input_size(self) -> Size:
        """Size of training examples."""
        return self.data.crop or self.data.size

    @property
    def store_fit(self) -> Size | int | float:
        """Size of cached training pairs: `data.size` without augmentation, else this longest side; with `data.crop`
        this fraction of their own."""
        if self.data.crop is not None:
            return min(1.0, self.data.scale * self.augment.scale[1])
        if not self.augment.enabled:
            return self.data.size
        return max(self.data.store_size, math.ceil(max(self.data.size) * self.augment.scale[1]))

    @property
    def stored_scale(self) -> float | None:
        """Scale of training crops relative to cached pairs; None without `data.crop`."""
        return self.data.scale / self.store_fit if isinstance(self.store_fit, float) else None

    def resolved(self) -> "Experiment":
        """Return the same experiment with derived values filled in."""
        side, depth = min(self.input_size), self.model.depth
        if depth == "full":
            depth = side.bit_length() - 1
        elif depth == "auto":
            depth = min(7, (side // 4).bit_length() - 1)
        model = dataclasses.replace(
            self.model,
            depth=depth,
            fine_width=self.model.fine_width or max(1, self.model.width // (1 if self.model.encoder == "none" else 2)),
            discriminator_width=self.model.discriminator_width or self.model.width,
        )
        return dataclasses.replace(self, model=model)

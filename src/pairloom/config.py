"""One experiment as frozen dataclasses: every setting with its meaning, range and default."""

import dataclasses
import math
import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pairloom.errors import UserError

LARGEST_SIDE = 8192
"""The largest side, in pixels, of what a network sees."""

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
    """Folder that holds the pairs, or a manifest file; DATA on the command line."""
    layout: LayoutName = "auto"
    """How pairs lie in the folder; `auto` weighs what the names and a sample of the images show."""
    sources: str = ""
    """Where the sources are, in place of a layout: a folder, or a pattern such as `photos/*.jpg`, from the data folder,
    with or without the folders of the splits. Needs `data.targets`."""
    targets: str = ""
    """Where the targets are: a folder, or a pattern such as `gt/{stem}_mask.png`, in which `{stem}` is the name of the
    source without its extension, and each `*` what the same one of `data.sources` stands for."""
    direction: Direction = "auto"
    """`AtoB` translates the first image of a pair (left half, `source/`, `A/`, photograph) to the second; `BtoA` the
    second to the first. `auto` goes from photographs to class maps where one half of an image shows each, and else from
    A to B."""
    target: Literal["auto", "classes", "images"] = "auto"
    """What targets are: class maps, which are kept as class ids, or pictures. `auto` looks at a sample."""
    palette: str = "auto"
    """Classes of the targets: a built-in palette, or a YAML file (a relative path counts from the config file that
    names it). `auto` takes the layout's own, or finds the colours or values in a sample."""
    classes: Literal["train", "all"] = "train"
    """Of Cityscapes' labels: the 19 that are trained and scored, or all 30 that can be told apart."""
    exif: Literal["auto", "apply", "ignore"] = "auto"
    """What the EXIF orientation of images does: `apply` turns each image upright by its own, `ignore` takes the pixels
    of both sides as they are stored. `auto` turns, and refuses pairs of which one image alone has an orientation unless
    their sizes fit upright only. Images to be translated are always turned."""
    val_share: float = 0.15
    """Share of the pairs that validates where the data have no validation split of their own, between 0 and 1."""
    group: str = ""
    """What keeps pairs together in one split (the frames of a drive, the slices of a patient): a number N takes the Nth
    folder below the data folder, anything else is a regular expression for the source's path, whose first group counts.
    Empty draws pair by pair."""
    background: Background = "class"
    """What pixels become that no annotated shape or mask file covers: the class `background`, or void."""
    split_seed: int = 0
    """Seed of that split, and of the draw of `data.train_pairs`, 0 or more; apart from `train.seed`, so that runs with
    other seeds have the same pairs."""
    size: Size = Size(256, 256)  # noqa: RUF009 (immutable)
    """Size at which pairs are trained on and scored, in pixels: H or HxW, 32 to 8192 a side. Aspect is not
    kept."""
    range: ValueRange = "auto"
    """Range of the numbers of target pictures, [lowest, highest] in their own units: what is black and white, scored as
    0 and 1, and beyond which numbers are clipped. `whole` is all that the files can hold (0 to 255, 0 to 65535, 0 to 1
    for floats). `auto` finds it in a sample of the training pairs, where pictures of more than 8 bits use a part of
    it."""
    no_reading: NoReading = "auto"
    """Number that stands for no reading in target pictures, such as 0 or -9999; its pixels are left out of losses and
    scores, as NaN always is. `none` reads every number. `auto` takes what GeoTIFF files state, or a usual one that
    stands apart from all others in a sample."""
    source_range: ValueRange = "auto"
    """Range of the numbers of source pictures, as `data.range`."""
    source_no_reading: NoReading = "auto"
    """Number that stands for no reading in source pictures, as `data.no_reading`; the network sees the lowest number
    there."""
    train_pairs: int | None = None
    """Number of training pairs to use, 1 or more, drawn with `data.split_seed`; null takes all."""
    store_size: int = 1024
    """Longest side, in pixels (32 or more), at which training pairs are stored to be cropped from; larger ones are
    reduced to it, but never below what `data.size` and `augment.scale` can show."""
    license: str = ""
    """Licence of the pairs in your own words, such as CC-BY-4.0; the model card passes it on. Empty states none."""

    def __post_init__(self) -> None:
        _require_reach("data", self, split_seed=0, store_size=MINIMUM_SIDE, train_pairs=1)
        _require(max(self.size) <= LARGEST_SIDE, f"data.size must be {LARGEST_SIDE} pixels a side or less")
        _require(
            bool(self.sources) == bool(self.targets), "data.sources and data.targets are given together, or neither is"
        )
        _require(
            not self.sources or self.layout in ("auto", "patterns"),
            "data.sources and data.targets take the place of data.layout; leave one of them out",
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
                f"data.{name} must be a finite number, auto or none; NaN and infinite numbers are never readings",
            )


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes to training pairs. Geometry moves both images alike; colour touches the photograph only."""

    flip: bool = True
    """Mirror half of the pairs left to right."""
    scale: tuple[float, float] = (0.9, 1.25)
    """Smallest and largest zoom, within 0.1 to 10. Above 1 a crop is enlarged; below 1 the pair shrinks and is padded
    with void."""
    brightness: float = 0.2
    """Largest relative change of the photograph's brightness, 0 to 1."""
    contrast: float = 0.2
    """Largest relative change of its contrast, 0 to 1."""
    saturation: float = 0.2
    """Largest relative change of its saturation, 0 to 1."""
    hue: float = 0.02
    """Largest turn of its hue, in turns of the colour circle, 0 to 0.5."""

    def __post_init__(self) -> None:
        _require(
            0.1 <= self.scale[0] <= self.scale[1] <= 10, "augment.scale must be [smallest, largest] within 0.1 to 10"
        )
        for name in ("brightness", "contrast", "saturation"):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name} must be 0 to 1")
        _require(0 <= self.hue <= 0.5, "augment.hue must be 0 to 0.5")

    @property
    def enabled(self) -> bool:
        """Whether any change is ever made."""
        colour = (self.brightness, self.contrast, self.saturation, self.hue)
        return self.flip or self.scale != (1, 1) or any(colour)


@dataclass(frozen=True)
class ModelConfig:
    """Both networks, and how a prediction is taken from the generator."""

    head: HeadName = "classes"
    """What the generator answers with: one logit a class, or a picture whose colours are read by the palette."""
    in_channels: int | None = None
    """Channels of the source, 1 or more; null follows the data: 1 where all are greyscale, 3 for colours, N for N."""
    out_channels: int | None = None
    """Channels of target pictures, 1 or more; null follows the data. Class maps are drawn as 3."""
    width: int = 64
    """Channels of the first layer of both networks, 1 to 4096."""
    discriminator_width: int | None = None
    """Channels of the discriminator's first layer, 1 or more; null takes `model.width`."""
    depth: int | Literal["auto", "full"] = "auto"
    """Number of downsampling steps in the generator, 1 to 12 and no more than `data.size` allows. `auto` stops at a
    bottleneck of 4×4 or larger (7 steps at most); `full` goes down to 1×1, as the original does: the network then works
    at its training size only, a square whose side is a power of two."""
    norm: NormName = "instance"
    """Normalisation in both networks."""
    norm_epsilon: float = 1e-5
    """Added to the variance in normalisation, above 0."""
    norm_momentum: float = 0.1
    """Share of the new batch in batch norm's running statistics, 0 to 1 (Keras calls 1 minus this its momentum)."""
    full_resolution: bool = True
    """Add two 3×3 convolutions at the input's own resolution on each side, with a skip connection between them. The
    original's finest features stand at half of it, where thin things are lost."""
    fine_width: int | None = None
    """Channels of those, 1 or more; null takes `model.width`."""
    up: UpName = "resize"
    """How the decoder doubles size: transposed convolution, or nearest-neighbour enlargement and convolution."""
    dropout: float = 0.0
    """Dropout probability in (at most three) full-width decoder blocks, at least 0 and below 1."""
    dropout_from: int = 0
    """Which decoder block is the first of these, 0 or more: 0 is the innermost. pytorch-CycleGAN-and-pix2pix has 1."""
    discriminator: PatchName = "patch70"
    """Named by receptive field in pixels: `patch142` answers 16×16 to a 256×256 pair, `patch70` answers 30×30."""
    inference: InferenceMode = "eval"
    """`train` keeps batch statistics and dropout (seeded by the image) in use, as the original does."""

    def __post_init__(self) -> None:
        channels = ("in_channels", "out_channels", "width", "discriminator_width", "fine_width")
        _require_reach("model", self, **dict.fromkeys(channels, 1), dropout_from=0)
        _require(isinstance(self.depth, str) or 1 <= self.depth <= 12, "model.depth must be 1 to 12, auto or full")
        _require(0 <= self.dropout < 1, "model.dropout must be at least 0 and below 1")
        _require(0 < self.norm_epsilon < math.inf, "model.norm_epsilon must be a number above 0")
        _require(0 <= self.norm_momentum <= 1, "model.norm_momentum must be 0 to 1")


@dataclass(frozen=True)
class LossConfig:
    """The weight of each term of both networks' losses. One of the generator's four weights is above 0."""

    adversarial: AdversarialName = "bce"
    """The adversarial loss: binary cross-entropy, least squares, or hinge."""
    adversarial_weight: float = 0.1
    """Weight of the adversarial term in the generator's loss, 0 or more; 0 trains no discriminator."""
    l1: float = 0.0
    """Weight of the mean absolute difference of the pictures in [-1, 1], 0 or more."""
    cross_entropy: float = 10.0
    """Weight of the cross-entropy of the classes, 0 or more; above 0 it needs `model.head` classes."""
    lovasz: float = 5.0
    """Weight of the Lovász-softmax loss of the classes, 0 or more (M. Berman et al., 2018)."""
    class_weights: Literal["none", "bounded"] = "bounded"
    """Weights of the classes in the cross-entropy. `bounded` is 1 / ln(offset + share of the training pixels), so that
    rare things count without drowning the rest (A. Paszke et al., 2016, section 5)."""
    class_weight_offset: float = 1.02
    """Offset in `bounded` class weights, above 1. It sets the largest weight: 50.5 with 1.02, 10.5 with 1.1."""
    discriminator_weight: float = 0.5
    """Weight of the discriminator's loss on the true and on the generated pair, 0 or more."""
    mask_void: bool = True
    """Leave pixels without a class out of every term. `false` asks for black there, as the original does. Pixels of
    pictures that hold no reading are left out in any case."""

    def __post_init__(self) -> None:
        for name in ("adversarial_weight", "l1", "cross_entropy", "lovasz", "discriminator_weight"):
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
        }


@dataclass(frozen=True)
class OptimConfig:
    """Adam for both networks, and the learning rate over time."""

    learning_rate: float = 2e-4
    """Step size at the start, above 0."""
    beta1: float = 0.5
    """Decay of the mean of gradients, at least 0 and below 1."""
    beta2: float = 0.999
    """Decay of the mean of squared gradients, at least 0 and below 1."""
    epsilon: float = 1e-8
    """Added to the root of the squared gradients' mean, above 0."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """How the learning rate falls to 0 between `optim.decay_start` and `optim.decay_end`."""
    decay_start: int = 0
    """Epoch from which the rate falls, 0 or more."""
    decay_end: int | None = None
    """Epoch at which the rate would be 0, after `optim.decay_start`; null takes `train.epochs`, and
    follows it when that is raised."""

    ema: float = 0.999
    """Decay a step, at least 0 and below 1, of the exponential moving average of the generator's weights. Above 0 the
    average is what is validated, kept and used."""

    def __post_init__(self) -> None:
        _require_reach("optim", self, decay_start=0)
        _require(0 <= self.ema < 1, "optim.ema must be at least 0 and below 1")
        _require(0 < self.learning_rate < math.inf, "optim.learning_rate must be a number above 0")
        _require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, "optim.beta1 and optim.beta2 must be at least 0, below 1")
        _require(self.epsilon > 0, "optim.epsilon must be above 0")
        _require(
            self.decay_end is None or self.decay_end > self.decay_start,
            "optim.decay_end must lie after optim.decay_start",
        )


@dataclass(frozen=True)
class TrainConfig:
    """How long, in which batches and where training runs, and what is kept."""

    epochs: int = 70
    """How many times to go through the training pairs, 1 or more. An epoch is pairs / batch size steps."""
    batch_size: int = 1
    """Pairs a step, over all devices, 1 or more."""
    update: Update = "joint"
    """`joint`: one discriminator update on both pairs, and the generator's pass is used twice (usual in PyTorch).
    `separate`: an update each for the true and the generated pair, then a fresh generator pass (the original's)."""
    sampling: Sampling = "shuffle"
    """`shuffle` shows each pair once an epoch; `replacement` draws each step anew, as the original does."""
    seed: int = 0
    """Seed of every random draw, 0 or more."""
    device: Device = "auto"
    """Where to compute; `auto` takes a GPU where there is one."""
    devices: int = 1
    """Processes that share each batch, 1 or more: a GPU each, or on the CPU a share of its cores. `train.batch_size`
    must be a multiple. Where `torchrun` or SLURM starts the processes, they say how many, on any number of machines."""
    precision: Precision = "auto"
    """Number format of the arithmetic. `auto` takes `bf16-mixed` on a GPU that has it, `32-true` elsewhere."""
    compile: Compile = "auto"
    """`graph` records a training step as one CUDA graph and plays it back; `off` launches kernel by kernel. `auto`
    records where a GPU trains alone, and the precision is not `16-mixed`."""
    validate_every: int = 1
    """Epochs from one validation to the next, 1 or more; the last epoch is always validated."""
    checkpoint_minutes: float = 5.0
    """Minutes from one saved training state to the next, above 0; one is also saved at the end and at an
    interruption."""
    checkpoint_steps: int | None = None
    """Save a training state every so many steps as well, 1 or more; null leaves it to the minutes."""
    snapshot_every: int = 10
    """Epochs from one kept generator, with its sample pictures, to the next, 1 or more; the last epoch is always
    kept."""
    samples: int = 3
    """Validation pairs drawn in the report, 1 or more (fewer where there are fewer), chosen with `train.seed`."""
    keep: Keep = "best"
    """Which generator goes to `model/`: the best on validation (mean IoU of classes; L1 of pictures), or the last."""

    def __post_init__(self) -> None:
        counts = ("epochs", "batch_size", "devices", "validate_every", "checkpoint_steps", "snapshot_every", "samples")
        _require_reach("train", self, **dict.fromkeys(counts, 1), seed=0)
        _require(
            self.batch_size % self.devices == 0,
            f"train.batch_size {self.batch_size} cannot be shared by {self.devices} devices; make it a multiple",
        )
        _require(self.checkpoint_minutes > 0, "train.checkpoint_minutes must be above 0")


@dataclass(frozen=True)
class Experiment:
    """Everything that decides what a run computes.

    Raises:
        UserError: for values out of range, and combinations that no network or loss can serve.
    """

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Refuse combinations that no network or loss can serve."""
        of_classes = [f"loss.{name}" for name in ("cross_entropy", "lovasz") if getattr(self.loss, name)]
        _require(
            self.model.head == "classes" or not of_classes,
            f"{' and '.join(of_classes)} cannot do without one logit a class: set model.head to classes, or 0 there",
        )
        size, depth = self.data.size, self.model.depth
        side = min(size.height, size.width)
        _require(side >= MINIMUM_SIDE, f"data.size {size} is too small: {MINIMUM_SIDE} pixels a side are the least")
        if depth == "full":
            _require(
                size.height == size.width and side & (side - 1) == 0,
                f"model.depth full halves down to 1×1, so data.size must be a power of two, not {size}; "
                "set model.depth to auto for other sizes",
            )
        elif depth != "auto":
            _require(side >= 2**depth, f"data.size {size} cannot be halved {depth} times; lower model.depth")

    @property
    def store_fit(self) -> Size | int:
        """How large training pairs are stored: at `data.size` if nothing is augmented, else up to this longest side."""
        if not self.augment.enabled:
            return self.data.size
        return max(self.data.store_size, math.ceil(max(self.data.size) * self.augment.scale[1]))

    def resolved(self) -> "Experiment":
        """Return the same experiment with every value spelled out that was left to follow from another."""
        side = min(self.data.size.height, self.data.size.width)
        depth = self.model.depth
        if depth == "full":
            depth = side.bit_length() - 1
        elif depth == "auto":
            depth = min(7, (side // 4).bit_length() - 1)
        model = dataclasses.replace(
            self.model,
            depth=depth,
            fine_width=self.model.fine_width or self.model.width,
            discriminator_width=self.model.discriminator_width or self.model.width,
        )
        return dataclasses.replace(self, model=model)

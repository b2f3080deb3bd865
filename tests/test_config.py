"""What an experiment may hold, and what follows from it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom.config import (
    AugmentConfig,
    DataConfig,
    Experiment,
    LossConfig,
    ModelConfig,
    OptimConfig,
    Size,
    TrainConfig,
)
from pairloom.errors import UserError

SIDE = st.integers(32, 2048)
SIZE = st.builds(Size, SIDE, SIDE)


@given(st.builds(Size, st.integers(1, 10**6), st.integers(1, 10**6)))
def test_sizes_are_read_as_they_are_written(size: Size) -> None:
    assert Size.parse(str(size)) == size
    assert Size.parse(size) == size
    assert Size.parse(f"{size.height}x{size.width}") == Size.parse(f"{size.height}X{size.width}") == size


@given(st.integers(1, 10**6))
def test_one_number_is_a_square(side: int) -> None:
    assert Size.parse(side) == Size.parse(str(side)) == (side, side)
    assert str(Size(side, side)) == str(side)


@pytest.mark.parametrize("text", ["", "x", "256x", "x256", "1x2x3", "-4", "0", "0x5", "1.5", "256 x 512", "big", None])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a size is H or HxW"):
        Size.parse(text)


@pytest.mark.parametrize(
    ("section", "values", "complaint"),
    [
        (DataConfig, {"train_pairs": 0}, "data.train_pairs"),
        (AugmentConfig, {"scale": (1.2, 1.1)}, "augment.scale"),
        (AugmentConfig, {"scale": (0.05, 1.0)}, "augment.scale"),
        (AugmentConfig, {"scale": (1.0, 11.0)}, "augment.scale"),
        (AugmentConfig, {"brightness": -0.1}, "augment.brightness"),
        (AugmentConfig, {"contrast": 1.1}, "augment.contrast"),
        (AugmentConfig, {"saturation": float("nan")}, "augment.saturation"),
        (AugmentConfig, {"hue": 0.6}, "augment.hue"),
        (ModelConfig, {"width": 0}, "model.width"),
        (ModelConfig, {"discriminator_width": 0}, "model.discriminator_width"),
        (ModelConfig, {"fine_width": 0}, "model.fine_width"),
        (ModelConfig, {"depth": 0}, "model.depth"),
        (ModelConfig, {"depth": 13}, "model.depth"),
        (ModelConfig, {"dropout": 1.0}, "model.dropout"),
        (ModelConfig, {"norm_epsilon": 0.0}, "model.norm_epsilon"),
        (ModelConfig, {"norm_momentum": 1.5}, "model.norm_momentum"),
        (LossConfig, {"l1": -1.0}, "loss.l1"),
        (LossConfig, {"adversarial_weight": float("nan")}, "loss.adversarial_weight"),
        (LossConfig, {"cross_entropy": float("inf")}, "loss.cross_entropy"),
        (LossConfig, {"discriminator_weight": -0.5}, "loss.discriminator_weight"),
        (LossConfig, {"lovasz": -1.0}, "loss.lovasz"),
        (LossConfig, {"adversarial_weight": 0.0, "l1": 0.0, "cross_entropy": 0.0, "lovasz": 0.0}, "every weight"),
        (LossConfig, {"class_weight_offset": 1.0}, "loss.class_weight_offset"),
        (OptimConfig, {"learning_rate": 0.0}, "optim.learning_rate"),
        (OptimConfig, {"learning_rate": float("nan")}, "optim.learning_rate"),
        (OptimConfig, {"beta1": 1.0}, "optim.beta1"),
        (OptimConfig, {"beta2": -0.1}, "optim.beta2"),
        (OptimConfig, {"epsilon": 0.0}, "optim.epsilon"),
        (OptimConfig, {"ema": 1.0}, "optim.ema"),
        (OptimConfig, {"decay_start": -1}, "optim.decay_start"),
        (OptimConfig, {"decay_start": 5, "decay_end": 5}, "optim.decay_end"),
        (TrainConfig, {"epochs": 0}, "train.epochs"),
        (TrainConfig, {"batch_size": 0}, "train.batch_size"),
        (TrainConfig, {"accumulate": 0}, "train.accumulate"),
        (TrainConfig, {"batch_size": 4, "accumulate": 3}, r"train\.accumulate 3 does not divide"),
        (TrainConfig, {"batch_size": 8, "devices": 4, "accumulate": 4}, r"train\.accumulate 4 does not divide"),
        (TrainConfig, {"validate_every": 0}, "train.validate_every"),
        (TrainConfig, {"snapshot_every": 0}, "train.snapshot_every"),
        (TrainConfig, {"samples": 0}, "train.samples"),
        (TrainConfig, {"seed": -1}, "train.seed"),
    ],
)
def test_values_out_of_range_are_refused_by_the_name_of_their_setting(
    section: type[object], values: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        section(**values)


def test_an_endless_learning_rate_is_refused() -> None:
    with pytest.raises(UserError, match=r"optim\.learning_rate"):
        OptimConfig(learning_rate=float("inf"))


@pytest.mark.parametrize(
    ("size", "depth", "complaint"),
    [
        (Size(31, 31), "auto", "too small"),
        (Size(31, 512), "auto", "too small"),
        (Size(512, 16), 1, "too small"),
        (Size(96, 96), "full", "power of two"),
        (Size(128, 256), "full", "power of two"),
        (Size(32, 64), 6, "cannot be downsampled 6 times"),
        (Size(255, 255), 8, "cannot be downsampled 8 times"),
    ],
)
def test_sizes_that_the_networks_cannot_serve_are_refused(size: Size, depth: object, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        Experiment(data=DataConfig(size=size), model=ModelConfig(depth=depth))  # type: ignore[arg-type]
    assert f"data.size {size}" in str(caught.value) or f"not {size}" in str(caught.value)


@pytest.mark.parametrize("size", [Size(32, 32), Size(32, 100), Size(511, 77), Size(1024, 2048)])
def test_depth_auto_serves_every_size_that_is_large_enough(size: Size) -> None:
    assert Experiment(data=DataConfig(size=size)).resolved().data.size == size


def test_a_picture_head_cannot_learn_by_cross_entropy() -> None:
    with pytest.raises(UserError, match=r"loss\.cross_entropy"):
        Experiment(model=ModelConfig(head="rgb"), loss=LossConfig(cross_entropy=1.0))
    Experiment(model=ModelConfig(head="rgb"), loss=LossConfig(cross_entropy=0.0, lovasz=0.0, l1=1.0))


@given(SIZE)
def test_depth_auto_is_the_deepest_that_leaves_four_by_four_or_seven(size: Size) -> None:
    depth = Experiment(data=DataConfig(size=size)).resolved().model.depth
    assert isinstance(depth, int)
    assert min(size) // 2**depth >= 4
    assert depth == 7 or min(size) // 2 ** (depth + 1) < 4


@given(st.integers(5, 12))
def test_depth_full_goes_down_to_one_pixel(power: int) -> None:
    side = 2**power
    experiment = Experiment(data=DataConfig(size=Size(side, side)), model=ModelConfig(depth="full"))
    assert experiment.resolved().model.depth == power


@given(SIZE, st.integers(1, 5), st.integers(1, 99), st.none() | st.integers(1, 99))
def test_what_is_spelled_out_is_kept(size: Size, depth: int, width: int, discriminator_width: int | None) -> None:
    model = ModelConfig(depth=depth, width=width, discriminator_width=discriminator_width)
    resolved = Experiment(data=DataConfig(size=size), model=model).resolved()
    assert resolved.model.depth == depth
    assert resolved.model.width == width
    assert resolved.model.discriminator_width == (width if discriminator_width is None else discriminator_width)


@given(st.integers(1, 100), st.integers(0, 100), st.sampled_from(["linear", "cosine"]))
def test_the_end_of_the_learning_rates_fall_stays_open_so_that_it_follows_the_epochs(
    epochs: int, start: int, decay: object
) -> None:
    optim = OptimConfig(decay=decay, decay_start=start)  # type: ignore[arg-type]
    experiment = Experiment(optim=optim, train=TrainConfig(epochs=epochs))
    assert experiment.resolved().optim.decay_end is None
    named = dataclasses.replace(experiment, optim=dataclasses.replace(optim, decay_end=start + 7))
    assert named.resolved().optim.decay_end == start + 7


def test_without_decay_no_end_is_made_up() -> None:
    assert Experiment().resolved().optim.decay_end is None


@given(SIZE, st.sampled_from(["none", "cosine"]))
def test_resolving_twice_changes_nothing(size: Size, decay: object) -> None:
    experiment = Experiment(data=DataConfig(size=size), optim=OptimConfig(decay=decay))  # type: ignore[arg-type]
    assert experiment.resolved().resolved() == experiment.resolved()


@pytest.mark.parametrize(
    ("change", "enabled"),
    [
        ({}, False),
        ({"flip": True}, True),
        ({"scale": (1.0, 1.5)}, True),
        ({"brightness": 0.1}, True),
        ({"contrast": 0.1}, True),
        ({"saturation": 0.1}, True),
        ({"hue": 0.1}, True),
    ],
)
def test_augmentation_is_enabled_by_any_one_change(change: dict[str, object], enabled: bool) -> None:
    nothing = AugmentConfig(flip=False, scale=(1.0, 1.0), brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    assert dataclasses.replace(nothing, **change).enabled is enabled  # type: ignore[arg-type]


def test_experiments_cannot_be_changed_behind_ones_back() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().train.epochs = 3  # type: ignore[misc]

"""Experiments from presets, files and single settings: who wins, what is refused, and that YAML loses nothing."""

import dataclasses
import re
from argparse import ArgumentError
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import yaml
from hypothesis import assume, given, settings
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
from pairloom.setting_changes import describe_settings, differing_settings, nearest_preset
from pairloom.settings import (
    ALIASES,
    dump_experiment,
    load_experiment,
    preset_names,
    setting_values,
    settings_help,
    short_settings_help,
)

FIELDS = [
    f"{section.name}.{field.name}"
    for section in dataclasses.fields(Experiment)
    for field in dataclasses.fields(getattr(Experiment(), section.name))
]


def _value(experiment: Experiment, field: str) -> object:
    section, name = field.split(".")
    return getattr(getattr(experiment, section), name)


def _number(low: float, high: float, *, above: bool = False) -> st.SearchStrategy[float]:
    return st.floats(low, high, exclude_min=above, allow_nan=False)


def _choice(section: type[object], field: str) -> st.SearchStrategy[object]:
    return st.sampled_from(get_args(get_type_hints(section)[field]))


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    """Any experiment that the rules allow."""
    # UTF-8, in which files are written, has no lone surrogates.
    root = st.text(st.characters(codec="utf-8"), max_size=12)
    side = st.integers(32, 600)
    decay_start = draw(st.integers(0, 20))
    low, high = sorted((draw(_number(0.1, 10)), draw(_number(0.1, 10))))
    size = draw(st.builds(Size, side, side))
    head = draw(_choice(ModelConfig, "head"))
    weights = {name: draw(_number(0, 1000)) for name in ("adversarial_weight", "l1", "cross_entropy", "lovasz")}
    if head == "rgb":
        weights |= {"cross_entropy": 0.0, "lovasz": 0.0}
    assume(sum(weights.values()) > 0)
    return Experiment(
        data=draw(
            st.builds(
                DataConfig,
                root=root
                | st.sampled_from(["null", "~", "1e3", "true", "[a]", "{a", "a: b", "#x", "-", " ", "${HOME}"]),
                layout=_choice(DataConfig, "layout"),
                size=st.just(size),
                train_pairs=st.none() | st.integers(1, 10**6),
                license=root,
            )
        ),
        augment=draw(
            st.builds(
                AugmentConfig,
                flip=st.booleans(),
                scale=st.just((low, high)),
                brightness=_number(0, 1),
                contrast=_number(0, 1),
                saturation=_number(0, 1),
                hue=_number(0, 0.5),
            )
        ),
        model=draw(
            st.builds(
                ModelConfig,
                head=st.just(head),
                width=st.integers(1, 256),
                discriminator_width=st.none() | st.integers(1, 256),
                depth=st.just("auto") | st.integers(1, 5),
                fine_width=st.none() | st.integers(1, 256),
                norm=_choice(ModelConfig, "norm"),
                norm_epsilon=_number(0, 1, above=True),
                norm_momentum=_number(0, 1),
                full_resolution=st.booleans(),
                up=_choice(ModelConfig, "up"),
                dropout=_number(0, 0.99),
                dropout_from=st.integers(0, 3),
                discriminator=_choice(ModelConfig, "discriminator"),
                inference=_choice(ModelConfig, "inference"),
            )
        ),
        loss=draw(
            st.builds(
                LossConfig,
                adversarial=_choice(LossConfig, "adversarial"),
                adversarial_weight=st.just(weights["adversarial_weight"]),
                l1=st.just(weights["l1"]),
                cross_entropy=st.just(weights["cross_entropy"]),
                lovasz=st.just(weights["lovasz"]),
                class_weight_offset=_number(1, 10, above=True),
                class_weights=_choice(LossConfig, "class_weights"),
                discriminator_weight=_number(0, 10),
                mask_void=st.booleans(),
            )
        ),
        optim=draw(
            st.builds(
                OptimConfig,
                learning_rate=_number(0, 1, above=True),
                beta1=_number(0, 0.999),
                beta2=_number(0, 0.999),
                epsilon=_number(0, 1, above=True),
                ema=_number(0, 0.9999),
                decay=_choice(OptimConfig, "decay"),
                decay_start=st.just(decay_start),
                decay_end=st.none() | st.integers(decay_start + 1, 100),
            )
        ),
        train=draw(
            st.builds(
                TrainConfig,
                epochs=st.integers(1, 1000),
                batch_size=st.integers(1, 16).map(lambda parts: 4 * parts),
                accumulate=st.sampled_from([1, 2, 4]),
                checkpoint_activations=st.booleans(),
                update=_choice(TrainConfig, "update"),
                sampling=_choice(TrainConfig, "sampling"),
                seed=st.integers(0, 2**53),
                device=_choice(TrainConfig, "device"),
                precision=_choice(TrainConfig, "precision"),
                compile=_choice(TrainConfig, "compile"),
                validate_every=st.integers(1, 100),
                snapshot_every=st.integers(1, 100),
                samples=st.integers(1, 10),
                keep=_choice(TrainConfig, "keep"),
            )
        ),
    )


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_the_four_presets() -> None:
    assert preset_names() == ["demo", "photo", "recommended", "seed"]


@pytest.mark.parametrize("preset", ["demo", "photo", "recommended", "seed"])
def test_every_preset_loads_resolves_and_says_nothing_that_gets_lost(preset: str) -> None:
    experiment = load_experiment(preset)
    assert isinstance(experiment.resolved().model.depth, int)
    folder = Path(__file__).parents[1] / "src" / "pairloom" / "presets"
    written = yaml.safe_load((folder / f"{preset}.yaml").read_text(encoding="utf-8"))
    without_encoder = written.pop("without_encoder", {})
    _require_said(experiment, written)
    merged = {name: {**written.get(name, {}), **without_encoder.get(name, {})} for name in written | without_encoder}
    merged["model"]["encoder"] = "none"
    _require_said(load_experiment(preset, settings={"model.encoder": "none"}), merged)


def _require_said(experiment: Experiment, written: Mapping[str, Mapping[str, object]]) -> None:
    for section, values in written.items():
        for name, value in values.items():
            found = _value(experiment, f"{section}.{name}")
            expected = Size.parse(value) if name == "size" else tuple(value) if isinstance(value, list) else value
            assert found == expected, f"{section}.{name}"


def test_without_an_encoder_a_preset_has_other_settings_unless_they_are_named(tmp_path: Path) -> None:
    plain, none = load_experiment("recommended"), load_experiment("recommended", flags=["--model.encoder", "none"])
    assert (plain.train.batch_size, none.train.batch_size) == (4, 1)
    assert (plain.loss, plain.augment) == (none.loss, none.augment)
    file = tmp_path / "own.yaml"
    file.write_text("model: {encoder: none}\noptim: {learning_rate: 0.003}\n")
    named = load_experiment("recommended", file, {"model.norm": "group"}, ["--train.batch_size", "2"])
    assert (named.optim.learning_rate, named.model.norm, named.train.batch_size) == (0.003, "group", 2)
    file.write_text("without_encoder: {optim: {learning_rate: 0.003}}\n")
    with pytest.raises(UserError, match="unknown section 'without_encoder'"):
        load_experiment("recommended", file)


def test_recommended_is_the_default_preset_and_without_a_preset_all_is_as_the_config_has_it() -> None:
    assert load_experiment() == load_experiment("recommended")
    assert load_experiment(None) == Experiment()


def test_the_preset_seed_has_the_numbers_of_the_original() -> None:
    original: dict[str, object] = {
        "data.size": (256, 256),
        "augment.flip": False,
        "augment.scale": (1.0, 1.0),
        "augment.brightness": 0.0,
        "augment.contrast": 0.0,
        "augment.saturation": 0.0,
        "augment.hue": 0.0,
        "model.head": "rgb",
        "model.width": 64,
        "model.discriminator_width": 64,
        "model.depth": 8,
        "model.norm": "batch",
        "model.norm_epsilon": 1e-3,
        "model.norm_momentum": 0.01,
        "model.full_resolution": False,
        "model.up": "transposed",
        "model.dropout": 0.3,
        "model.discriminator": "patch142",
        "model.inference": "train",
        "loss.adversarial": "bce",
        "loss.adversarial_weight": 1.0,
        "loss.l1": 100.0,
        "loss.cross_entropy": 0.0,
        "loss.lovasz": 0.0,
        "loss.discriminator_weight": 0.5,
        "loss.mask_void": False,
        "optim.learning_rate": 2e-4,
        "optim.beta1": 0.5,
        "optim.beta2": 0.999,
        "optim.epsilon": 1e-7,
        "optim.decay": "none",
        "optim.ema": 0.0,
        "train.epochs": 70,
        "train.batch_size": 1,
        "train.update": "separate",
        "train.sampling": "replacement",
        "train.precision": "32-true",
        "train.snapshot_every": 10,
        "train.samples": 3,
        "train.keep": "last",
    }
    experiment = load_experiment("seed").resolved()
    assert {field: _value(experiment, field) for field in original} == original


def test_the_presets_differ_where_they_say() -> None:
    recommended, demo = load_experiment("recommended"), load_experiment("demo")
    assert recommended.augment.enabled
    assert recommended.model.head == demo.model.head == "classes"
    assert recommended.model.encoder == "efficientnet-lite0"
    assert demo.data.size == (128, 128)
    assert demo.model.width < recommended.model.width


@pytest.mark.parametrize(("name", "field"), ALIASES.items())
def test_every_short_name_stands_for_a_field(name: str, field: str) -> None:
    assert field in FIELDS
    words = {
        "size": "64x96",
        "layout": "camvid",
        "device": "cpu",
        "precision": "bf16-mixed",
        "compile": "off",
        "init": "runs/first",
    }
    value = {**words, "direction": "BtoA"}.get(name, 7)
    others = {"batch_size": 14} if name == "devices" else {}
    short, full = (load_experiment(settings={**others, word: value}) for word in (name, field))
    assert short == full != load_experiment(settings=others)


def test_the_help_names_every_field_and_every_short_name() -> None:
    text, short = settings_help(), short_settings_help()
    assert [field for field in FIELDS if f"--{field}" not in text] == []
    assert [name for name in ALIASES if not re.search(rf"  --{name.replace('_', '-')} +\w", short)] == []
    assert "Mirror half of the pairs left to right" in text


@settings(deadline=None, max_examples=15)
@given(experiments(), st.sampled_from(["demo", "recommended", "seed"]))
def test_yaml_loses_nothing_whatever_preset_it_is_laid_over(
    tmp_path_factory: pytest.TempPathFactory, experiment: Experiment, preset: str
) -> None:
    path = _write(tmp_path_factory.getbasetemp(), dump_experiment(experiment))
    assert load_experiment(preset, path) == experiment


@settings(deadline=None, max_examples=5)
@given(experiments())
def test_a_dump_spells_out_every_field(experiment: Experiment) -> None:
    content = yaml.safe_load(dump_experiment(experiment))
    assert [f"{section}.{name}" for section, values in content.items() for name in values] == FIELDS


@settings(deadline=None, max_examples=8)
@given(experiments())
def test_settings_by_full_name_make_the_same_experiment(experiment: Experiment) -> None:
    chosen = {field: _value(experiment, field) for field in FIELDS}
    assert load_experiment("seed", settings=chosen) == experiment


def test_sizes_are_one_word_in_yaml() -> None:
    assert yaml.safe_load(dump_experiment(load_experiment(settings={"size": 64})))["data"]["size"] == 64
    assert yaml.safe_load(dump_experiment(load_experiment(settings={"size": "64x96"})))["data"]["size"] == "64x96"


def test_a_file_wins_over_the_preset_and_a_flag_over_the_file(tmp_path: Path) -> None:
    file = _write(tmp_path, "train: {epochs: 5, batch_size: 3}\nmodel:\n  depth: 4\n")
    preset = load_experiment("seed")
    over_file = load_experiment("seed", file, flags=["--train.epochs=6"])
    assert (preset.train.epochs, preset.train.batch_size, preset.model.depth) == (70, 1, "full")
    assert (over_file.train.epochs, over_file.train.batch_size, over_file.model.depth) == (6, 3, 4)
    # What neither names stays the preset's.
    unchanged = [field for field in FIELDS if field not in {"train.epochs", "train.batch_size", "model.depth"}]
    assert [field for field in unchanged if _value(over_file, field) != _value(preset, field)] == []
    assert load_experiment("seed", file, {"epochs": 8}).train.epochs == 8
    assert load_experiment("seed", file, {"epochs": 8}, flags=["--train.epochs=9"]).train.epochs == 9


def test_a_later_layer_can_take_a_value_back_to_none(tmp_path: Path) -> None:
    first = _write(tmp_path, "data: {train_pairs: 3}")
    assert load_experiment(file=first).data.train_pairs == 3
    assert load_experiment(file=first, flags=["--data.train_pairs=null"]).data.train_pairs is None
    assert load_experiment(file=first, settings={"train_pairs": None}).data.train_pairs is None


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_experiment("seed", _write(tmp_path, "# nothing yet\n")) == load_experiment("seed")


def test_numbers_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    file = _write(tmp_path, "optim: {learning_rate: 1e-3, epsilon: 1}\naugment: {scale: [1, 2]}\nmodel: {depth: '4'}")
    experiment = load_experiment(file=file)
    assert (experiment.optim.learning_rate, experiment.optim.epsilon) == (1e-3, 1.0)
    assert experiment.augment.scale == (1.0, 2.0)
    assert experiment.model.depth == 4


def _refusal(preset: str = "recommended", **layers: object) -> str:
    with pytest.raises(UserError) as caught:
        load_experiment(preset, **layers)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("preset", ["nope", "", "Seed", "seed.yaml", "../presets/seed"])
def test_unknown_presets_are_refused_with_those_there_are(preset: str) -> None:
    assert _refusal(preset) == f"unknown preset {preset!r}; choose one of demo, photo, recommended, seed"


DEEP = "[" * 5000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("datas: {size: 64}", "datas"),
        ("data: {sizes: 64}", "sizes"),
        ("data: {1: 2}", "1"),
        ("1: {size: 64}", "1"),
        ("data:", "sections"),
        ("data: 64", "sections"),
        ("- data", "sections"),
        ("hello", "sections"),
        ("data: {size: 12x}", "data.size"),
        ("data: {size: [64, 96]}", "data.size"),
        ("data: {size: null}", "data.size"),
        ("data: {root: 123}", "data.root"),
        ("data: {root: null}", "data.root"),
        ("data: {layout: folders}", "data.layout"),
        ("augment: {scale: 2}", "augment.scale"),
        ("augment: {scale: [1]}", "augment.scale"),
        ("augment: {scale: null}", "augment.scale"),
        ("augment: {flip: perhaps}", "augment.flip"),
        ("model: {width: wide}", "model.width"),
        ("model: {width: true}", "model.width"),
        ("model: {width: null}", "model.width"),
        ("model: {norm: null}", "model.norm"),
        ("model: {depth: 3.5}", "model.depth"),
        ("model: {class_path: os.system}", "unknown setting model.class_path"),
        ("train: {epochs: 1.5}", "train.epochs"),
        ("train: {device: gpu}", "train.device"),
        ("data: {size: 64", "YAML"),
        ("data:\n\tsize: 64", "YAML"),
        ("data: {root: 2020-99-99}", "YAML"),
        ("train: {epochs: 1" + "0" * 5000 + "}", "YAML"),
        pytest.param(f"data: {DEEP}", "YAML", id="nested deeply"),
        ("data: *nothing", "YAML"),
        ("data: !!python/object/apply:os.system ['touch executed']", "YAML"),
        ("data: {root: !!python/name:os.system }", "YAML"),
    ],
)
def test_files_that_cannot_serve_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = _write(tmp_path, text)
    message = _refusal(file=file)
    assert message.startswith(f"{file}: ")
    assert complaint in message.removeprefix(str(file))
    assert list(tmp_path.iterdir()) == [file]  # and nothing in it was executed


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "missing.yaml", tmp_path, binary):
        assert _refusal(file=file).startswith(f"{file}: cannot be read as a YAML config")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("train: {epochs: 0}", "train.epochs"),
        ("data: {size: 16}", "data.size 16 is too small"),
        ("data: {size: 96}\nmodel: {depth: full}", "power of two"),
        ("loss: {l1: .nan}", "loss.l1"),
        ("model: {head: rgb}", "loss.cross_entropy"),
    ],
)
def test_values_in_files_obey_the_rules_of_the_experiment(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in _refusal(file=_write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nope", "'nope'"),
        ("data", "'data'"),
        ("data.", "'data.'"),
        (".", "'.'"),
        (".size", "settings"),
        ("data.sizes", "unknown setting data.sizes; did you mean 'data.size'?"),
        ("datas.size", "datas.size"),
        ("data.size.height", "data.size"),
    ],
)
def test_unknown_settings_are_refused_by_name(name: str, complaint: str) -> None:
    assert complaint in _refusal(settings={name: 64})


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--data.sizes=64", "unknown setting data.sizes"),
        ("--datas.size=64", "unknown setting datas.size"),
        ("--data.size=", "data.size"),
        ("--data.size=64y64", "data.size"),
        ("--data.size=16", "data.size 16 is too small"),
        ("--model=3", "model"),
        ("--model.width=null", "model.width"),
        ("--model.width=1.5", "model.width"),
        ("--train.epochs=", "train.epochs"),
        ("--train.epochs=many", "train.epochs"),
        ("--train.epochs=-1", "train.epochs"),
        ("--train.device=tpu", "train.device"),
        ("--augment.flip=perhaps", "augment.flip"),
        ("--augment.scale=1,2", "augment.scale"),
    ],
)
def test_flags_that_cannot_serve_are_refused_by_name(flag: str, complaint: str) -> None:
    assert complaint in _refusal(flags=[flag])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("kind mismatch at <train.epochs>", "train.epochs: must be a whole number, not many"),  # in any words
        ("no  such\n  thing", "no such thing"),
        ("train.epochs_ and data.train.epochs2 are wrong", "train.epochs_ and data.train.epochs2 are wrong"),
    ],
)
def test_mistakes_are_explained_whatever_the_words_of_the_parser(
    said: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object, **_options: object) -> None:
        raise ArgumentError(None, said)

    monkeypatch.setattr("jsonargparse.ArgumentParser.parse_args", refuse)
    assert _refusal(flags=["--train.epochs", "many"]) == message


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("encoder", ["none", "efficientnet-lite0"])
def test_a_preset_is_nearest_to_itself(preset: str, encoder: str) -> None:
    name, changes = nearest_preset(load_experiment(preset, settings={"model.encoder": encoder}).resolved())
    assert name == preset
    assert changes.keys() <= {"model.encoder"}


@settings(deadline=None, max_examples=8)
@given(experiments())
def test_the_nearest_preset_with_its_changes_makes_the_same_experiment(experiment: Experiment) -> None:
    experiment = experiment.resolved()
    preset, changes = nearest_preset(experiment)
    own = setting_values(experiment)
    again = load_experiment(preset, settings=changes).resolved()
    from_data = (
        "layout",
        "target",
        "palette",
        "range",
        "no_reading",
        "license",
        "root",
        "channels",
        "device",
        "devices",
    )
    for name, value in setting_values(again).items():
        assert value == own[name] or name.endswith(from_data), name


def test_settings_are_described_as_flags_that_can_be_given_again() -> None:
    experiment = load_experiment("demo", settings={"size": "64x96", "augment.flip": False, "augment.scale": [0.8, 1.1]})
    described = describe_settings(experiment)
    preset, *flags = described.split(" --")
    assert preset == "preset demo"
    assert set(flags) == {"data.size 64x96", "augment.scale '[0.8, 1.1]'", "augment.flip false"}


def test_settings_that_differ_are_listed_with_each_value() -> None:
    one, other = (
        load_experiment("seed"),
        load_experiment("seed", settings={"epochs": 7, "data.root": "/home/me/elsewhere"}),
    )
    assert differing_settings([one, other, None]) == {
        "data.root": ["", "elsewhere", "–"],
        "train.epochs": [str(one.train.epochs), "7", "–"],
    }
    changed = {"data.direction": "BtoA", "model.width": 8, "model.fine_width": 4, "data.palette": "/home/me/own.yaml"}
    other = load_experiment("seed", settings=changed)
    assert differing_settings([one, other]) == {
        "data.direction": ["auto", "BtoA"],
        "data.palette": ["auto", "own.yaml"],
        "model.width": [str(one.model.width), "8"],
        "model.fine_width": ["null", "4"],
    }
    assert differing_settings([None, None]) == {}
    assert differing_settings([one, None]) == {}

"""The model folder follows the saved state."""

from pathlib import Path

import pytest
import torch

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.model_folder import load_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID
from pairloom.run import RunFolder
from pairloom.settings import load_experiment
from pairloom.training.kept_model import KeptModel


def _model(seed: int) -> TranslationModel:
    experiment = load_experiment(settings={"size": 32, "model.width": 2}).resolved()
    torch.manual_seed(seed)
    return TranslationModel.build(
        experiment.model, ImageSpec(3), ImageSpec(3, palette=CAMVID), Size(32, 32), torch.device("cpu")
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path)
    run.prepare()
    return run


def _kept(run: RunFolder) -> tuple[bytes, bytes]:
    return (run.model / "model.safetensors").read_bytes(), (run.model / "config.json").read_bytes()


def test_after_the_state_is_saved_a_new_start_keeps_the_model(run: RunFolder) -> None:
    kept = KeptModel(run)
    kept.replace(_model(1), {"epoch": 1})
    kept.state_is_saved()
    first = _kept(run)
    kept.replace(_model(2), {"epoch": 2})
    assert _kept(run) != first
    kept.state_is_saved()
    second = _kept(run)
    KeptModel(run)
    assert _kept(run) == second
    assert [path.name for path in run.checkpoints.iterdir()] == []


@pytest.mark.parametrize("better", [1, 3])
def test_before_it_is_saved_a_new_start_goes_back_to_the_model_of_the_state(run: RunFolder, better: int) -> None:
    kept = KeptModel(run)
    kept.replace(_model(1), {"epoch": 1})
    kept.state_is_saved()
    known = _kept(run)
    for epoch in range(2, 2 + better):
        kept.replace(_model(epoch), {"epoch": epoch})
    KeptModel(run)
    assert _kept(run) == known
    assert load_model(run.model, torch.device("cpu")).size == (32, 32)


def test_a_copy_that_was_cut_off_is_in_nobodys_way(run: RunFolder) -> None:
    kept = KeptModel(run)
    kept.replace(_model(1), {"epoch": 1})
    kept.state_is_saved()
    known = _kept(run)
    (run.checkpoints / "model-before.partial").mkdir()
    (run.checkpoints / "model-before.partial" / "config.json").write_text("half")
    run.prepare()
    again = KeptModel(run)
    again.replace(_model(2), {"epoch": 2})
    KeptModel(run)
    assert _kept(run) == known


@pytest.mark.parametrize("written", [0, 1])
def test_a_stop_between_setting_aside_and_the_last_new_file_goes_back_to_the_model(
    run: RunFolder, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set aside and what lies in `model/` are then two names of one file, which a renaming leaves both."""
    kept = KeptModel(run)
    kept.replace(_model(1), {"epoch": 1})
    kept.state_is_saved()
    known = _kept(run)

    def stop(_model: object, folder: Path, *, about: object) -> None:
        if written:
            (folder / ".new").write_bytes(b"weights of another epoch")
            (folder / ".new").replace(folder / "model.safetensors")
        raise KeyboardInterrupt

    monkeypatch.setattr("pairloom.training.kept_model.save_model", stop)
    with pytest.raises(KeyboardInterrupt):
        kept.replace(_model(2), {"epoch": 2})
    KeptModel(run)
    assert _kept(run) == known
    assert list(run.checkpoints.iterdir()) == []

"""The run's `model/`, which must never be ahead of the training state that a run continues from."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.report.model_card import write_card
from pairloom.run import RunFolder


class KeptModel:
    """Replaces `model/` by the best model, or the last; until a newer state is saved, that of the last one is held.

    A run that is killed in between continues from that state. Where its steps cannot be repeated bit for bit, as on a
    GPU, the epoch that was better may not come again, so the model of that epoch must not stay.

    Args:
        run: the run; a model that its saved state does not know is put back.
    """

    def __init__(self, run: RunFolder) -> None:
        self._folder = run.model
        self._before = run.checkpoints / "model-before"
        self._partial = run.checkpoints / "model-before.partial"
        shutil.rmtree(self._partial, ignore_errors=True)
        if self._before.is_dir():
            for path in self._before.iterdir():
                path.replace(self._folder / path.name)
                path.unlink(missing_ok=True)  # a name of the same file is left where it was
            self._before.rmdir()
        self._saved = self._folder.is_dir() and any(self._folder.iterdir())

    def replace(self, model: TranslationModel, about: Mapping[str, Any]) -> None:
        """Write another model and its card; `about` is kept in its `config.json`."""
        if self._saved:
            self._set_aside()
        save_model(model, self._folder, about=about)
        write_card(self._folder)

    def state_is_saved(self) -> None:
        """Note that the saved state knows the model."""
        shutil.rmtree(self._before, ignore_errors=True)
        self._saved = self._folder.is_dir()

    def _set_aside(self) -> None:
        self._partial.mkdir()
        for path in self._folder.glob("[!.]*"):
            try:
                os.link(path, self._partial / path.name)  # new files take the names, and this one stays
            except OSError:  # not every file system has links
                shutil.copy2(path, self._partial / path.name)
        self._partial.replace(self._before)
        self._saved = False

"""The pairs of a split as a model is scored on them."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.config import DataConfig, Direction, LayoutName
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles, find_layout
from pairloom.data.pairs import Pair
from pairloom.data.stream import read_ahead
from pairloom.errors import UserError
from pairloom.models.translation import TranslationModel
from pairloom.palette import CITYSCAPES_ALL
from pairloom.run import RunFolder


@dataclass(frozen=True)
class EvaluationSplit:
    """Pairs at their native size, read as a model wants them.

    Attributes:
        name: of the split: `train`, `val` or `test`.
        folder: where they lie.
        files: of each pair.
        channels: of the sources and targets of the model.
    """

    name: str
    folder: PairFolder
    files: Sequence[PairFiles]
    channels: tuple[int, int]

    @classmethod
    def open(
        cls,
        run: Path,
        model: TranslationModel,
        data: Path | None,
        split: str,
        *,
        layout: LayoutName = "auto",
        direction: Direction | None = None,
    ) -> "EvaluationSplit":
        """Find the pairs on which a run's model, or a model folder's, is to be scored.

        Args:
            run: a run folder, or a model folder.
            model: the model in it.
            data: folder that holds the pairs, or a manifest; None takes the run's own.
            split: `train`, `val` or `test`.
            layout: how the pairs lie in `data`; `auto` looks.
            direction: `AtoB` or `BtoA`; None takes the run's own, or `AtoB` for a model folder.

        Raises:
            UserError: if there is no data, or it does not have the model's classes.
        """
        classes = model.target.palette
        own = RunFolder(run)
        config = own.experiment().data if own.config.is_file() else DataConfig()
        if data is not None:
            found = find_layout(data, layout).name
            # Pairs in the run's own layout are read as the run's were; elsewhere its palette's values mean nothing.
            palette = config.palette if found == config.layout else "auto"
            config = dataclasses.replace(config, root=str(data), layout=found, palette=palette)
        elif not config.root:
            raise UserError(f"{run}: a model folder does not know its data; name DATA as well")
        config = dataclasses.replace(
            config,
            direction=direction or config.direction,
            target="classes" if classes else "images",
            classes="all" if classes and classes.names == CITYSCAPES_ALL.names else config.classes,
        )
        folder = PairFolder.open(config, classes or model.source.palette)
        if classes and folder.palette and folder.palette.names != classes.names:
            raise UserError(
                f"the model knows the classes of palette {classes.name!r}, the data has those of "
                f"{folder.palette.name!r}; scores need the same"
            )
        return cls(split, folder, folder.files(split), (model.source.channels, model.target.channels))

    def for_model(self, run: Path, model: TranslationModel, *, same_data: bool) -> "EvaluationSplit":
        """Return the same pairs for the model of another run.

        Args:
            run: the other run folder, or model folder.
            model: the model in it.
            same_data: the pairs are those of a run, so this one must hold back the same where the data are the same.

        Raises:
            UserError: if the model translates into something else, or has trained on some of the pairs.
        """
        classes = self.folder.palette
        other = model.target.palette
        if (classes and classes.names) != (other and other.names) or (
            classes is None and model.target.channels != self.channels[1]
        ):
            raise UserError(
                f"{run}: its model translates into something else than the first run's; scores need the same"
            )
        own = RunFolder(run)
        if same_data and own.config.is_file():
            config, first = own.experiment().data, self.folder.config
            drawn = [(entry.val_share, entry.split_seed) for entry in (config, first)]
            if (
                config.root == first.root
                and drawn[0] != drawn[1]
                and "val" not in self.folder.layout.splits(self.folder.root)
            ):
                raise UserError(
                    f"{run}: holds back other pairs than the first run (data.split_seed or data.val_share), so it has "
                    "trained on some of these; name pairs that neither has seen with --data"
                )
        return dataclasses.replace(self, channels=(model.source.channels, model.target.channels))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Pair:
        return self.folder.read(self.files[index], self.channels)

    def __iter__(self) -> Iterator[Pair]:
        return read_ahead(lambda files: self.folder.read(files, self.channels), self.files)

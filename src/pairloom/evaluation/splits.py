"""The pairs of a split as a model is scored on them."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.config import DataConfig, Direction, LayoutName
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles
from pairloom.data.pairs import Pair
from pairloom.data.prefetch import read_ahead
from pairloom.data.ranges import with_known_values
from pairloom.errors import UserError
from pairloom.models.translation import TranslationModel
from pairloom.palette import CITYSCAPES_ALL
from pairloom.run import RunFolder, owning_run


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
        path: Path,
        model: TranslationModel,
        data: Path | None,
        split: str,
        *,
        layout: LayoutName = "auto",
        direction: Direction | None = None,
    ) -> "EvaluationSplit":
        """Find the pairs on which a model is to be scored.

        Args:
            path: its run folder, or model folder.
            model: the model.
            data: folder that holds the pairs, or a manifest; None takes those of the run to which the model belongs.
            split: `train`, `val` or `test`.
            layout: how the pairs lie in `data`; `auto` looks.
            direction: `AtoB` or `BtoA`; None takes the run's, or `AtoB` for a model folder that belongs to none.

        Raises:
            UserError: if there is no data, or it does not have the model's classes.
        """
        classes = model.target.palette
        run = owning_run(path)
        config = run.experiment().data if run else DataConfig()
        own = config.layout
        if data is not None:
            places = ("", "") if layout != "auto" else (config.sources, config.targets)
            config = dataclasses.replace(config, root=str(data), layout=layout, sources=places[0], targets=places[1])
        elif not config.root:
            raise UserError(f"{path}: a model folder does not store its data; name DATA (in a comparison: --data DATA)")
        config = dataclasses.replace(
            config,
            direction=direction or config.direction,
            target="classes" if classes else "images",
            classes="all" if classes and classes.names == CITYSCAPES_ALL.names else config.classes,
        )
        # Numbers mean to the model what they meant in its training, whatever these pairs look like.
        config = with_known_values(config, model.source.values, model.target.values)
        known = classes or model.source.palette
        # Pairs in the run's own layout are read as the run's were; elsewhere its palette's values mean nothing.
        folder = PairFolder.open(config if data is None else dataclasses.replace(config, palette="auto"), known)
        if folder.reading.layout == own and folder.config.palette != config.palette:
            folder = PairFolder.open(dataclasses.replace(config, layout=own), known)
        if classes and folder.palette and folder.palette.names != classes.names:
            raise UserError(
                f"the model has the classes of palette {classes.name!r}, the data those of "
                f"{folder.palette.name!r}; they must be the same"
            )
        return cls(split, folder, folder.files(split), (model.source.channels, model.target.channels))

    def for_model(self, path: Path, model: TranslationModel) -> "EvaluationSplit":
        """Return the same pairs, read as another model wants them.

        Args:
            path: the other run folder, or model folder.
            model: the model in it.

        Raises:
            UserError: if it translates in the other direction, or into other classes or channels.
        """
        own = self.folder.config.direction
        run = owning_run(path)
        if run and run.experiment().data.direction != own:
            raise UserError(f"{path}: its model translates in the other direction than the first run's")
        other = EvaluationSplit.open(
            path, model, self.folder.root, self.name, layout=self.folder.reading.layout, direction=own
        )
        if problem := _difference(self, other):
            raise UserError(f"{path}: its model {problem}; compare models with the same targets")
        return dataclasses.replace(other, files=self.files)

    def seen_by(self, run: RunFolder) -> list[str]:
        """Return the names of those pairs that a run could train on; none where its data are gone."""
        try:
            training = PairFolder.open(run.experiment().data).files("train")
        except (UserError, OSError):
            return []
        seen = {pair.a.path.resolve() for pair in training}
        return [pair.name for pair in self.files if pair.a.path.resolve() in seen]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Pair:
        return self.folder.read(self.files[index], self.channels)

    def __iter__(self) -> Iterator[Pair]:
        return read_ahead(lambda files: self.folder.read(files, self.channels), self.files)


def _difference(first: EvaluationSplit, other: EvaluationSplit) -> str:
    """Say how what the other model translates into differs from the first's; nothing where it is the same."""
    known, own = first.folder.palette, other.folder.palette
    if known is None or own is None:
        if known is not own:
            return "has pictures as targets, not classes" if own is None else "has classes as targets, not pictures"
        channels = first.channels[1], other.channels[1]
        return "" if channels[0] == channels[1] else f"gives {channels[1]} channels, not {channels[0]}"
    if own.names == known.names or own.colours == known.colours:  # classes may have been given names later
        return ""
    odd = next((name for name in own.names if name not in known.names), None)
    return f"has a class {odd!r} that is not the first's" if odd else "lacks classes, or has them in another order"

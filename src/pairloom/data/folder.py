"""A folder of pairs whose layout and kinds of images are known."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.config import DataConfig
from pairloom.data.choice import choose_reading
from pairloom.data.discovery import find_classes, holds_values, palette_match, refuse_mattes
from pairloom.data.grouping import drawn_by_group, group_of
from pairloom.data.layouts import LAYOUTS, SPLITS, Listing, PairFiles, Part, Problem, Reading, Tree
from pairloom.data.orientation import as_stored, orientation_problem
from pairloom.data.pairs import Pair
from pairloom.data.ranges import with_values
from pairloom.data.readers import Classes, PaintedReader, PictureReader, Reader
from pairloom.errors import UserError
from pairloom.images import WHOLE, Picture, Values, colour_table, inspect, with_channels
from pairloom.palette import Palette, find_class_names, named_palette
from pairloom.rng import numpy_generator


@dataclass(frozen=True)
class PairFolder:
    """The pairs of a data set: where they lie, and how each side is read.

    Attributes:
        root: the folder, or the manifest.
        reading: the files of the pairs, by split.
        config: the settings with which it was opened, layout, direction and kind of target filled in.
        source_reader, target_reader: read the files of each side.
        source_values, target_values: what the numbers of the pictures of each side mean.
        source_palette: the classes of sources that are class maps, painted in their colours; None for pictures.
        palette: the classes of the targets; None for pictures.
        far_share: share of the pixels in a sample of targets that are far from every colour of the palette, 0 to 1;
            None where targets are not colour-coded.
        notes: what people should know, a line each: what is not read, and what decided between readings.
    """

    root: Path
    reading: Reading
    config: DataConfig
    source_reader: Reader
    target_reader: Reader
    source_values: Values
    target_values: Values
    source_palette: Palette | None
    palette: Palette | None
    far_share: float | None
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, config: DataConfig, fallback: Palette | None = None) -> "PairFolder":
        """Look at a folder and find out what is not said.

        Args:
            config: where the pairs are, and what is known of them.
            fallback: the classes, where neither `config.palette` nor the layout tells them.

        Raises:
            UserError: for a folder without pairs, or pairs that are not what the config says.
        """
        if not config.root:
            raise UserError("DATA is missing; name the data folder")
        root = Path(config.root).absolute()
        tree = Tree.open(root)
        chosen = choose_reading(tree, config)
        reading = chosen.reading
        direction = config.direction
        if direction == "auto":
            direction = "BtoA" if chosen.reversed else "AtoB"
        config = dataclasses.replace(config, root=str(root), layout=reading.layout, direction=direction)
        named = named_palette(config.palette) if config.palette != "auto" else None
        palette = named or fallback
        fixed = LAYOUTS[reading.layout].classes(reading, config, named)
        source_classes, target_classes = (fixed, None) if direction == "BtoA" else (None, fixed)
        sources, targets = _sides(reading.pairs, direction)
        if config.target == "images":
            target_classes = None
        elif target_classes is None:
            # A palette tells the classes of the coded side; with pictures as targets, that is the sources'.
            known = palette if config.target == "classes" or direction == "AtoB" or chosen.reversed else None
            names = find_class_names(list(tree.small_files))
            target_classes = find_classes(targets, known, names, any_width=config.target == "classes")
            if target_classes is None and config.target == "classes":
                example = targets[0].path.name if targets else "there are none"
                raise UserError(f"{root}: no classes were detected in the targets ({example}); set data.palette")
            if target_classes is None:
                refuse_mattes(targets)
        if source_classes is None and direction == "BtoA" and not chosen.reversed:
            source_classes = _found_indices(sources, palette)
        # Of the training pairs, where they have a place of their own: what the others hold is not to be known.
        learned = _sides(reading.listing("train").pairs or reading.pairs, direction)
        config, source_values, target_values = with_values(
            dataclasses.replace(config, target="classes" if target_classes else "images"),
            None if source_classes else learned[0],
            None if target_classes else learned[1],
        )
        source_reader: Reader = PictureReader(source_values)
        if source_classes:
            source_reader = PaintedReader(source_classes.reader, source_classes.palette)
        notes = [*chosen.notes, *([target_classes.note] if target_classes and target_classes.note else [])]
        if config.group and not cls._draws(reading.splits()):
            notes.append("data.group draws no splits: the data have their own; check names groups in two of them")
        if reading.splits() and not {"train", None} & reading.listings.keys():
            notes.append(
                f"there are no training pairs, only {' and '.join(reading.splits())}: these can be scored alone"
            )
        return cls(
            root,
            reading,
            config,
            source_reader,
            target_classes.reader if target_classes else PictureReader(target_values),
            source_values,
            target_values,
            source_classes.palette if source_classes else None,
            target_classes.palette if target_classes else None,
            target_classes.far_share if target_classes else None,
            tuple(notes),
        )

    def splits(self) -> tuple[str, ...]:
        """Name the splits that there are, `val` among them where it is drawn from the training pairs."""
        own = self.reading.splits()
        return tuple(split for split in SPLITS if split in own or (self._draws(own) and split != "test"))

    def listing(self, split: str) -> Listing:
        """List a split: from its own place, or `train` and `val` drawn apart from what lies together.

        Raises:
            UserError: if there is no such split.
        """
        own = self.reading.splits()
        if split not in self.splits():
            there = ", ".join(self.splits())
            raise UserError(f"{self.root}: has no split {split!r} (there are {there}); read as {self.reading.how}")
        if split == "test" or not self._draws(own):
            return self.reading.listing(split)
        together = self.reading.listing("train" if own else None)
        held = self._held_back(together.pairs)
        chosen = [pair for index, pair in enumerate(together.pairs) if (index in held) == (split == "val")]
        return Listing(tuple(chosen), together.problems if split == "train" else ())

    def _held_back(self, pairs: Sequence[PairFiles]) -> set[int]:
        """Draw the indices of the pairs that validate; pairs of one group stay together."""
        count = len(pairs)
        wanted = min(max(1, round(self.config.val_share * count)), count - 1)
        generator = numpy_generator(self.config.split_seed, "split")
        if not self.config.group:
            return set(generator.permutation(count)[: max(wanted, 0)].tolist())
        groups = [group_of(pair, self.root, self.config.group) for pair in pairs]
        return drawn_by_group(groups, wanted, generator)

    @staticmethod
    def _draws(own: tuple[str, ...]) -> bool:
        """Tell whether validation pairs are drawn: there are training pairs, or all lie together, and no own place."""
        return not own or ("train" in own and "val" not in own)

    def files(self, split: str) -> list[PairFiles]:
        """List the pairs of a split.

        Raises:
            UserError: for the first thing that is wrong with them, or if there are none.
        """
        listing = self.listing(split)
        if listing.problems:
            others = len(listing.problems) - 1
            more = f" ({others} more: pairloom check {self.root})" if others else ""
            raise UserError(f"{listing.problems[0]}{more}")
        if not listing.pairs and split == "val" and self.listing("train").pairs:
            raise UserError(f"{self.root}: holds one pair; add one, to train on one and validate on the other")
        if not listing.pairs:
            raise UserError(f"{self.root}: no pairs for the split {split!r}; read as {self.reading.how}")
        return list(listing.pairs)

    def read(self, files: PairFiles, channels: tuple[int, int] | None = None) -> Pair:
        """Decode one pair at its native size, its source and target pictures brought to so many channels.

        Raises:
            UserError: with the file's name, for files that cannot serve.
        """
        source_part, target_part = self.parts(files)
        source, target = self.source_reader.read(source_part), self.target_reader.read(target_part)
        source, target = self.oriented(files, source, target)
        if problem := self.mismatch(files, source.shape[:2], target.shape[:2]):
            raise UserError(str(problem))
        pair = self.pair(files, source, target)
        return self.in_channels(pair, files, channels) if channels else pair

    def oriented(self, files: PairFiles, source: Picture, target: Picture) -> tuple[Picture, Picture]:
        """Return the images of a pair, which were read upright, as `data.exif` wants them."""
        if self.config.exif != "ignore":
            return source, target
        source_part, target_part = self.parts(files)
        return as_stored(source, source_part), as_stored(target, target_part)

    def pair(self, files: PairFiles, source: Picture, target: Picture) -> Pair:
        """Return the images of a pair together with what their numbers mean."""
        return Pair(files.name, source, target, self.source_values, self.target_values)

    def mismatch(self, files: PairFiles, source: tuple[int, int], target: tuple[int, int]) -> Problem | None:
        """Return what is wrong with a pair whose images differ in size, or of which one alone is turned by EXIF.

        Args:
            files: the pair.
            source: height and width of its source.
            target: those of its target.
        """
        source_part, target_part = self.parts(files)
        if self.config.exif == "auto" and (problem := orientation_problem(source_part, target_part, source, target)):
            return problem
        if source == target:
            return None
        (height, width), (other_height, other_width) = target, source
        message = (
            f"{width}×{height} pixels, but its source {source_part.path.name} has {other_width}×{other_height}; "
            "bring them to the same size"
        )
        return Problem("different sizes", target_part.path, message)

    def in_channels(self, pair: Pair, files: PairFiles, channels: tuple[int, int]) -> Pair:
        """Bring the source and the target picture of a pair to so many channels; class ids stay as they are.

        Raises:
            UserError: with the file's name, where that cannot be done.
        """
        source_part, target_part = self.parts(files)
        source = with_channels(pair.source, channels[0], source_part.path)
        target = with_channels(pair.target, channels[1], target_part.path) if pair.target.ndim == 3 else pair.target
        return pair._replace(source=source, target=target)

    def parts(self, files: PairFiles) -> tuple[Part, Part]:
        """Return where the source and the target of a pair are."""
        return (files.a, files.b) if self.config.direction == "AtoB" else (files.b, files.a)

    def describe(self) -> str:
        """Say in a line what has been found."""
        counts = ", ".join(f"{len(self.listing(split).pairs)} {split}" for split in self.splits())
        targets = f"targets are pictures{self.target_values}"
        if self.palette is not None:
            known = "found in the data" if self.palette.name == "found" else f"palette {self.palette.name}"
            targets = f"targets are maps of {self.palette.counted} ({known})"
        if self.far_share is not None:
            targets += f", {palette_match(self.far_share, 'sampled')}"
        channels = self._source_channels()
        kind = f" of {channels} channels" if channels not in (None, 1, 3) else ""
        sources = f"; sources are pictures{kind}{self.source_values}"
        sources = sources if kind or self.source_values != WHOLE else ""
        if self.source_palette is not None:
            sources = f"; sources are maps of {self.source_palette.counted}, painted in their colours"
        how = f"{self.reading.how}, B to A" if self.config.direction == "BtoA" else self.reading.how
        return f"{self.root}: layout {self.reading.layout} ({how}), {counts} pairs; {targets}{sources}"

    def _source_channels(self) -> int | None:
        """Return the channels of the first source; None where it cannot be read."""
        try:
            return inspect(self.parts(self.reading.pairs[0])[0].path).channels
        except (UserError, IndexError):
            return None


def _sides(pairs: Sequence[PairFiles], direction: str) -> tuple[list[Part], list[Part]]:
    """Return the sources and the targets of pairs."""
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    return (b, a) if direction == "BtoA" else (a, b)


def _found_indices(parts: Sequence[Part], palette: Palette | None) -> Classes | None:
    """Return the classes of sources that are maps of class indices: as pictures they would be nearly black."""
    if not parts or not holds_values(parts[0]) or colour_table(parts[0].path) is not None:
        return None
    found = find_classes(parts, palette)
    # Grey levels that mean classes are a picture already.
    return found if found is not None and found.numbered else None

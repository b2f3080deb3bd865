"""Photographs whose class maps are drawn as shapes in the files of annotation tools."""

from collections import defaultdict
from collections.abc import Sequence

from pairloom.config import DataConfig, LayoutName
from pairloom.data.annotations import AnnotationReader, find_annotations, match_references
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading
from pairloom.data.layouts.pairing import pair_name
from pairloom.data.layouts.places import Group
from pairloom.data.layouts.tree import Tree
from pairloom.data.pairs import PairFiles, Part
from pairloom.data.readers import Classes
from pairloom.palette import Palette


class Annotated(Layout):
    """Images, and the shapes that a tool has written for them: COCO, LabelMe, CVAT, YOLO, Label Studio."""

    name: LayoutName = "annotations"
    description = "images with the files of an annotation tool: COCO, LabelMe, CVAT, YOLO polygons, Label Studio"

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Match the images that each set of annotations names with those in the tree."""
        found = []
        sets = find_annotations(list(tree.others))
        images = list(tree.images) if sets else []
        for annotations in sets:
            if annotations.refusal is not None:
                found.append(Reading(self.name, annotations.format, {}, annotations=annotations))
                continue
            matched = match_references(annotations.references, images, tree.root)
            split_of = {folder.path: (folder.split, folder.rest) for folder in tree.folders}
            pairs: dict[str | None, list[PairFiles]] = defaultdict(list)
            problems: dict[str | None, list[Problem]] = defaultdict(list)
            for reference in annotations.references:
                image = matched.get(reference)
                if image is None:
                    split = split_of[reference.file.parent][0]
                    message = f"names the image {reference.image!r}, which is not there; add it, or remove its entry"
                    problems[split].append(Problem("missing partner", reference.file, message))
                    continue
                split, _rest = split_of[image.parent]
                target = Part(reference.file, entry=reference.entry, image=image)
                name = pair_name(Group(split, ()), image.stem, image.name)
                pairs[split].append(PairFiles(name, Part(image), target))
            if pairs:
                listings = {
                    split: Listing(tuple(sorted(members)), tuple(problems[split])) for split, members in pairs.items()
                }
                how = f"images with shapes from {annotations.format} ({annotations.path.name})"
                found.append(Reading(self.name, how, listings, annotations=annotations))
        return sorted(found, key=lambda reading: -len(reading.pairs))

    def classes(self, reading: Reading, config: DataConfig, palette: Palette | None) -> Classes | None:
        """Return the classes of the set of annotations."""
        if reading.annotations is None:
            return None
        reader = AnnotationReader(reading.annotations, config.background)
        return Classes(reader.palette, reader)

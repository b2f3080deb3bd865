"""What cannot be read as class maps, so that it can be refused by name."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pairloom.data.annotations.sets import AnnotationSet, whole_path
from pairloom.files import NOT_FETCHED

FORMATS = {
    ".mat": "MATLAB (.mat)",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".tfrecord": "TFRecord",
    ".parquet": "Parquet",
    ".pkl": "pickle",
    ".nii": "NIfTI",
    ".dcm": "DICOM",
    ".psd": "Photoshop",
    ".xcf": "GIMP",
    ".svg": "SVG",
}
"""By ending."""
VOC_BOXES = (
    "holds Pascal VOC's boxes alone, which do not tell which pixels belong to an object; use the masks "
    "(SegmentationClass/), or annotate polygons"
)


def is_voc(head: bytes) -> bool:
    """Tell by the first bytes whether a file is one of Pascal VOC's XML annotations."""
    return re.search(rb"<annotation[\s>]", head) is not None


def find(files: Sequence[Path], voc: Sequence[Path], pointers: Sequence[Path]) -> list[AnnotationSet]:
    """Name the files of formats that are not read.

    Args:
        files: files whose ending is among `FORMATS`.
        voc: those that `is_voc` chose.
        pointers: Git LFS pointers in place of files that may be annotations.
    """
    by_format: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        by_format[FORMATS[path.suffix.lower()]].append(path)
    found = [
        AnnotationSet(
            name.lower(),
            whole_path(paths),
            refusal=f"is in the format {name}, which is not read; convert the masks to PNG, one value for each class",
        )
        for name, paths in sorted(by_format.items())
    ]
    if voc:
        found.append(AnnotationSet("voc", whole_path(voc), refusal=VOC_BOXES))
    if pointers:
        found.append(AnnotationSet("git-lfs", pointers[0], refusal=NOT_FETCHED))
    return found

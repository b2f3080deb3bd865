"""Images that are stored turned, by their EXIF orientation: what that means where one side of a pair alone says so."""

from pairloom.data.layouts import Part, Problem
from pairloom.errors import UserError
from pairloom.images import Picture, exif_orientation, turned_back


def orientation_problem(
    source: Part, target: Part, source_size: tuple[int, int], target_size: tuple[int, int]
) -> Problem | None:
    """Return what is wrong with a pair of which one image alone has an EXIF orientation.

    Where the sizes show that the other image was made on the upright one, nothing is. Where they fit as the files are
    stored (as they always do for a half turn, for mirrored images and for squares), the pair can be read in two ways.

    Args:
        source: the file of the source.
        target: the file of the target.
        source_size: height and width of the source, turned upright.
        target_size: height and width of the target, turned upright.
    """
    numbers = stored_orientation(source), stored_orientation(target)
    if numbers.count(1) != 1:
        return None
    stored_sizes = [
        size if number < 5 else size[::-1] for number, size in zip(numbers, (source_size, target_size), strict=True)
    ]
    if stored_sizes[0] != stored_sizes[1]:
        return None
    turned, other = (source, target) if numbers[0] != 1 else (target, source)
    fits = "they may fit upright or as stored" if source_size == target_size else "their sizes fit as stored only"
    message = (
        f"has the EXIF orientation {max(numbers)} and {other.path.name} has none, so {fits}; say how to read them: "
        "--data.exif apply (upright) or --data.exif ignore (as stored)"
    )
    return Problem("EXIF orientation on one side", turned.path, message)


def as_stored(image: Picture, part: Part) -> Picture:
    """Turn an image (H×W or H×W×C) that was read upright back to how its file stores it.

    Raises:
        UserError: for a half of a turned image, whose halves would be others.
    """
    number = stored_orientation(part)
    if number != 1 and part.half != "whole":
        raise UserError(f"{part.path}: two images side by side have one EXIF orientation; leave data.exif at auto")
    return turned_back(image, number)


def stored_orientation(part: Part) -> int:
    """Return the EXIF orientation of an image file, 1 to 8; 1 for what annotations describe."""
    return 1 if part.entry or part.image is not None else exif_orientation(part.path)

"""What is odd about how often the classes of a palette occur in a data set."""

from collections.abc import Mapping

from pairloom.palette.classes import Palette


def palette_problems(counts: Mapping[str, int], palette: Palette) -> list[tuple[str, str]]:
    """Name what a user must know of a data set's classes.

    Args:
        counts: pixels of each class, by its name, in all splits together.
        palette: the classes.

    Returns:
        The kind of each problem, and what is wrong and what to do: one class alone, or a palette that was named and
        most of whose classes occur nowhere.
    """
    held = [name for name in palette.names if counts.get(name, 0) > 0]
    if not held:
        return [("no class", "no pixel of the targets has a class: all are void; name the palette by --data.palette")]
    problems = []
    if len(held) == 1:
        message = (
            f"all pixels that have a class are {held[0]!r}, so nothing can be learned; if others are meant, name them "
            "in a palette by --data.palette, or take the targets for pictures by --data.target images"
        )
        problems.append(("one class alone", message))
    absent = len(palette) - len(held)
    if palette.name != "found" and 2 * absent > len(palette):
        message = (
            f"{absent} of the {len(palette)} classes of the palette {palette.name!r} occur nowhere, so another palette "
            "may be meant; name it by --data.palette"
        )
        problems.append(("classes that occur nowhere", message))
    return problems

"""The built-in data set: street scenes as a car's camera sees them, drawn with their classes from a seed.

A scene is a street along z: a road between kerbs, sidewalks, and rows of buildings, with everything that stands and
moves on it. Colours come from pools that the classes share, so that a pixel's colour does not tell its class.

A scene comes about in three steps. `composition` decides what stands where. The things (`ground`, `buildings`,
`nature`, `furniture`, `vehicles`, `people`, `bicycles`) paint themselves far to near on a `canvas`, which only notes
which surface and which class is seen at a pixel, so the classes are exact. `photograph` then computes colour, texture,
light, shadow and haze for all pixels at once.
"""

from pairloom.streets.drawing import draw_street
from pairloom.streets.files import write_streets

__all__ = ["draw_street", "write_streets"]

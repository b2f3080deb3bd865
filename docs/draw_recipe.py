"""Draw the pictures of the recipe's page from two runs on generated streets.

python docs/draw_recipe.py SEED_RUN RECOMMENDED_RUN
"""

import sys
from pathlib import Path

import numpy as np

from pairloom import CITYSCAPES, Translator, draw_street
from pairloom.images import write_picture

SCENES = (3, 8, 21, 34)
SEED = 1
"""Of the scenes; `pairloom data streets` draws with 0 unless it is told otherwise, so no run has seen them."""
SIDE = 128
ENLARGED = 2
MARGIN = 6


def main(runs: list[str]) -> None:
    """Write `docs/images/recipe.png`: a scene a row; photograph, original, recipe, truth."""
    translators = [Translator.load(run) for run in runs]
    rows = []
    for scene in SCENES:
        photograph, truth = draw_street(SEED, scene, SIDE, SIDE)
        tiles = [
            photograph,
            *(translator(photograph).image for translator in translators),
            CITYSCAPES.to_colours(truth),
        ]
        rows.append(np.concatenate([_tile(tile) for tile in tiles], axis=1))
    write_picture(Path(__file__).parent / "images" / "recipe.png", np.concatenate(rows))


def _tile(picture: np.ndarray) -> np.ndarray:
    large = picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    return np.pad(large, ((0, MARGIN), (0, MARGIN), (0, 0)), constant_values=255)


if __name__ == "__main__":
    main(sys.argv[1:])

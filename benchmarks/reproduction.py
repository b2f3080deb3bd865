"""How well the original system is reproduced: the preset `seed` on CamVid, and with the choices usual in PyTorch.

    python benchmarks/reproduction.py CAMVID --out DIR [--epochs 10] [--json]

300 training pairs drawn with seed 0, 128×128, width 32; scores on the validation split. About 4 minutes a row on two
CPU cores. Trains each row in DIR/ROW, and takes the scores of rows that are there already.
"""

import argparse
import json
from pathlib import Path

import pairloom

ROWS: dict[str, dict[str, object]] = {
    "seed": {},
    "seed-patch70-joint": {"model.discriminator": "patch70", "train.update": "joint"},
}
SHOWN = ("sky", "building", "road", "sidewalk", "tree", "car", "pole", "traffic sign", "pedestrian")


def main() -> None:
    """Train the rows and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()

    results = {}
    for name, changes in ROWS.items():
        run = options.out / name
        if (run / "config.yaml").exists():
            pairloom.resume(run)  # nothing is left to do in a row that is finished
        else:
            settings = {"size": 128, "model.width": 32, "train_pairs": 300, "epochs": options.epochs, **changes}
            pairloom.train(options.camvid, run, preset="seed", settings=settings)
        found = pairloom.evaluate(run)
        if not isinstance(found, pairloom.Scores):
            raise TypeError("CamVid's targets are classes")
        results[name] = found.to_record()

    print(f"{'':<20} pixel  class   mIoU  " + "  ".join(f"{name[:9]:>9}" for name in SHOWN))
    for name, scores in results.items():
        overall = "  ".join(
            f"{value or 0:.3f}" for value in (scores["pixel_accuracy"], scores["class_accuracy"], scores["mean_iou"])
        )
        print(f"{name:<20} {overall}  " + "  ".join(f"{scores['per_class'][shown] or 0:>9.3f}" for shown in SHOWN))
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()

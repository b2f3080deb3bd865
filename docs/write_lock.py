"""Writes `constraints.txt`: the version of everything that `.[dev]` brings, as pip finds them today (`make lock`).

Versions alone, without the local part and without hashes, so that torch may come as PyPI's wheel or as a CPU build.
Run it with the oldest Python that is supported (3.11.0): a later one pins versions that an earlier one cannot install.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAD = "# The versions that are tested: pip install --constraint constraints.txt. Written by `make lock`.\n"


def main() -> int:
    """Ask pip what it would install, and write it down."""
    words = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", "--editable", f"{ROOT}[dev]"]
    report = subprocess.run([sys.executable, "-m", "pip", *words], check=True, stdout=subprocess.PIPE).stdout  # noqa: S603
    found = [entry["metadata"] for entry in json.loads(report)["install"]]
    pins = sorted(
        f"{one['name'].lower()}=={one['version'].partition('+')[0]}" for one in found if one["name"] != "pairloom"
    )
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(pins) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

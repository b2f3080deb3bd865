"""Public data sets in miniature: the folders, names, endings and codings of their authors around drawn scenes.

No picture or annotation is theirs. Each maker writes one and returns what it means, or several meanings of which each
is right. Where a folder holds several candidates for the targets (DRIVE's fields of view beside its vessels, KITTI's
classes as numbers, as colours and as instances), a refusal that names one of them is as good.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from folder_verdicts import Meant, Verdict, judge
from public_aerial import AERIAL
from public_exports import EXPORTS
from public_general import GENERAL
from public_makers import Maker
from public_medical import MEDICAL
from public_pictures import PICTURES
from public_streets import STREETS

PUBLIC: Mapping[str, Maker] = {**MEDICAL, **STREETS, **AERIAL, **GENERAL, **PICTURES, **EXPORTS}
"""Every data set by its name."""


AMBIGUOUS = (
    "CHASE_DB1", "STARE", "BDD100K, segmentation of 2018", "Mapillary Vistas 2.0", "IDD Lite", "Freiburg Forest",
    "LEVIR-CD", "GoPro deblurring",
)  # fmt: skip
"""Data sets that hold several kinds of targets or of photographs: a refusal names the settings that choose."""


def read_public(name: str) -> Verdict:
    """Make a data set, read it, and return the best that comes of comparing it with what it may mean."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "data")
        root.mkdir()
        made = PUBLIC[name](root)
        verdicts = [judge(root, meant) for meant in ([made] if isinstance(made, Meant) else made)]
    return max(verdicts, key=lambda verdict: verdict.accepted)

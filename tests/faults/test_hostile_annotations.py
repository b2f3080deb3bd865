"""Hostile annotation files end in a message, within a gibibyte and some seconds; damaged ones never in a crash."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import fuzz
import hostile_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotated import save_image

READ = """
import json, sys
from pathlib import Path
from pairloom.data.annotations import AnnotationReader, find_annotations, match_references
from pairloom.data.layouts import Part
from pairloom.errors import UserError

def read(root):
    for found in find_annotations([path for path in root.iterdir() if path.suffix != ".png"]):
        reader = AnnotationReader(found, "class")
        for reference, image in match_references(found.references, [root / "a.png"], root).items():
            reader.read(Part(reference.file, entry=reference.entry, image=image))

def mebibytes():
    status = Path("/proc/self/status").read_text()  # what the parent took counts elsewhere
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

base = mebibytes()
for root in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read(root)
        message = ""
    except UserError as error:
        message = str(error)
    print(json.dumps([root.name, message, mebibytes() - base]), flush=True)
"""


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_annotations_that_lie_or_explode_are_refused(tmp_path: Path) -> None:
    hostile = hostile_files.annotations()
    for name, (file, content) in hostile.items():
        save_image(tmp_path / "data" / name / "a.png", 96, 96)
        (tmp_path / "data" / name / file).write_bytes(content)
    words = [sys.executable, "-c", READ, str(tmp_path / "data")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=380, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {name for name, _, _ in told} == set(hostile)
    for name, message, mebibytes in told:
        assert message.startswith(f"{tmp_path / 'data' / name / hostile[name][0]}: "), name
        assert len(message) < 2000, name
        assert mebibytes < 1024, name


# Good files, damaged at random.

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "../../etc/passwd",
    [],
    {},
    [[]],
    [None],
)


def _nodes(record: object, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values within a JSON value."""
    inner = record.items() if isinstance(record, dict) else enumerate(record[:40]) if isinstance(record, list) else ()
    return [place, *(found for key, value in inner for found in _nodes(value, (*place, key)))]


def _damaged(text: str, changes: list[tuple[int, int]]) -> bytes:
    """Put odd values in some places of a JSON text."""
    record = json.loads(text)
    for where, what in changes:
        places = _nodes(record)[1:]
        if not places:
            break
        *way, last = places[where % len(places)]
        holder = record
        for key in way:
            holder = holder[key]
        if what >= len(ODD):
            del holder[last]
        else:
            holder[last] = deepcopy(ODD[what])
    return json.dumps(record).encode()


JSON_SEEDS = [seed for seed in fuzz.seeds("annotations") if seed[1:2] in (b"{", b"[")]
SEEDS = fuzz.seeds("annotations")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(JSON_SEEDS),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, len(ODD))), min_size=1, max_size=3),
)
def test_odd_values_end_in_a_class_map_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, changes: list[tuple[int, int]]
) -> None:
    place = tmp_path_factory.mktemp("odd")
    fuzz.annotations(seed[:1] + _damaged(seed[1:].decode(), changes), place)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4), st.integers(0, 9)), min_size=1, max_size=3),
)
def test_odd_bytes_end_in_a_class_map_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, changes: list[tuple[int, bytes, int]]
) -> None:
    place = tmp_path_factory.mktemp("odd")
    content = seed[1:]
    for where, put, gone in changes:
        at = where % (len(content) + 1)
        content = content[:at] + put + content[at + gone :]
    fuzz.annotations(seed[:1] + content, place)

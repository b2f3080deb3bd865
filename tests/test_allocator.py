"""Memory that was freed stays with the process."""

import subprocess
import sys

import pytest

# What a process that frees and asks again for 48 MiB, page by page, has to ask the system for.
FAULTS = """
import resource
from pairloom.allocator import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
def touch():
    block = bytearray(48 * 2**20)
    block[:: 4096] = bytes(len(block[:: 4096]))
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's option")
def test_blocks_that_are_freed_and_asked_for_again_cost_no_page_faults() -> None:
    faults = [
        int(subprocess.run([sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, check=True).stdout)
        for keep in (False, True)
    ]
    assert faults[1] < 0.1 * faults[0]

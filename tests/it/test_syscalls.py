"""What a redirect out of the host's table asks of the kernel. Counts, not times: a busy machine
changes how many redirects a worker finds ready in one turn, but not what each of them costs."""

import pathlib
import sys

import pytest

from stack import Stack, is_sanitized

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

import load  # noqa: E402
import meter  # noqa: E402
import places  # noqa: E402
import syscalls  # noqa: E402

CONNECTIONS = 64
SECONDS = 3
# One read, one write; shared by a turn's batch: the wait, the journal, the log, and one to spare.
OF_EACH, OF_A_TURN = 2, 4
SLACK = 0.25  # what comes by the clock: heartbeats, a new segment, connections
# Calls that talk to another process, or wait for a disk or for another process.
OTHERS = {"connect", "socket", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "poll", "ppoll", "select",
          "pselect6", "fsync", "fdatasync", "sync_file_range", "msync", "flock", "futex", "nanosleep",
          "clock_nanosleep"}
RARE = 0.01  # per redirect
# AddressSanitizer's allocator, where there is one, maps memory as it goes.
SANITIZERS = {"mmap", "munmap"}


@pytest.fixture(name="hits", scope="module")
def of_hits():
    """({call: how often}, redirects) of the redirect workers, under load on one hot link."""
    with Stack() as stack:
        link = places.new_link(stack)
        load.wrk(link, CONNECTIONS, 1)  # every worker has it
        before = meter.layers(stack)
        counts, requests = syscalls.traced(
            syscalls.pids_of(stack, "redirect workers"), lambda: load.wrk(link, CONNECTIONS, SECONDS))
        layers = meter.layers(stack) - before
    assert layers["l1"] > 0.99 * layers.total(), layers
    return {name: n for name, n in counts.items() if name not in SANITIZERS or not is_sanitized()}, requests


def test_a_hit_takes_a_read_and_a_write_and_its_share_of_a_turn(hits):
    counts, requests = hits
    batch = requests / sum(counts.get(name, 0) for name in syscalls.WAITS)
    assert sum(counts.values()) / requests <= OF_EACH + OF_A_TURN / batch + SLACK, (batch, counts)


def test_a_hit_waits_for_no_other_process(hits):
    counts, requests = hits
    assert not {name: n for name, n in counts.items() if name in OTHERS and n > RARE * requests}, counts

"""Every visit that was answered is one click, exactly, whatever is killed, torn, repeated or full."""

import os
import random
import subprocess
import time
import uuid

import pytest

from records import follow, new_url
from stack import Stack, wait_for
from visitors import Visitors
from wire import Api

CRASHES = [  # (service, program): what is killed while visitors come
    ("redirect-a", "terse-worker"), ("ingest", "terse-ingest"), ("redirect-b", "terse-worker"), ("redis", "redis-server"),
    ("redirect-a", "terse-pool"), ("ingest", "terse-ingest"), ("redirect-b", "terse-pool"), ("redirect-a", "terse-worker"),
]  # fmt: skip
OUTAGES = [("postgres", None), ("ingest", "terse-ingest"), ("pgbouncer", None), ("postgres", None), ("redis", None)]


@pytest.fixture(scope="module")
def stack():
    with Stack() as found:
        yield found


@pytest.fixture
def client(stack):
    stack.wait_ready()
    return Api("127.0.0.1", stack.port, set())


def stored(stack, url):
    """(clicks, different visits) of a url in the database."""
    return stack.sql("SELECT count(*), count(DISTINCT visit_id) FROM clicks WHERE url_id = %s", [url["id"]])[0]


def wait_stored(stack, client):
    """Waits until the journal of this host is in the database."""

    def is_settled():
        reply = client.get("/events?event_type=click&per_page=1")
        return reply.status == 200 and "Terse-Lag-Seconds" not in reply.headers

    wait_for(is_settled, 30)


def totals(client, url):
    return client.get(f"/stats/{url['short_code']}").json()["totals"]


def metric(client, name):
    for line in client.get("/metrics").body.decode().splitlines():
        if line.startswith(name):
            return float(line.split()[-1])
    return 0.0


def kill_in_turn(stack, victims, pause_s):
    for service, program in victims:
        time.sleep(pause_s)
        wait_for(lambda: stack.pids(service, program))
        stack.kill(service, program)
    time.sleep(pause_s)


def put_segment(stack, name, lines):
    """A segment as a worker leaves it, whole at once."""
    path = stack.journal / f".{name}"
    path.write_bytes(lines)
    path.chmod(0o644)
    path.rename(stack.journal / name)


def click_line(url, visit_id=None, at="2026-01-02T03:04:05Z", tail=b"\t\\N\t\\N\t42\tf\n"):
    visit_id = visit_id or uuid.uuid4().hex
    return f"{visit_id}\t{at}\t{url['id']}\t\\N\t{url['short_code']}".encode() + tail


def limit_files(pids, size):
    """Lets processes write no file beyond size bytes (a number or "unlimited")."""
    for pid in pids:
        owner = os.stat(f"/proc/{pid}")
        subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={size}:"], check=True,
                       user=owner.st_uid, group=owner.st_gid, extra_groups=[])


def test_crashes_cost_no_visitor_an_error_and_no_click(stack, client):
    url = new_url(client)
    with Visitors(stack.port, url["short_code"]) as visitors:
        kill_in_turn(stack, CRASHES, 0.7)
    stack.wait_ready()
    wait_stored(stack, client)
    assert visitors.redirected > 500 and visitors.refused == 0, visitors.answers
    assert stored(stack, url) == (visitors.redirected, visitors.redirected)
    assert totals(client, url)["all"] == visitors.redirected


def test_outages_of_the_database_lose_and_double_no_click(stack, client):
    url = new_url(client)
    with Visitors(stack.port, url["short_code"]) as visitors:
        kill_in_turn(stack, OUTAGES, 1)
    stack.wait_ready()
    wait_stored(stack, client)
    clicks, visits = stored(stack, url)
    assert clicks == visits == totals(client, url)["all"]
    # A visit may be noted, and its worker's answer lost on the way; but none the other way round.
    assert visitors.redirected <= clicks <= visitors.redirected + visitors.refused, visitors.answers


def test_a_commit_whose_answer_is_lost_is_not_made_twice(stack, client):
    url = new_url(client)
    for n in range(100, 180):
        put_segment(stack, f"{n:016}-1-{n:016}.log", b"".join(click_line(url) for _ in range(1000)))
        if n % 10 == 0:
            stack.wait_ready()
            time.sleep(random.uniform(0, 0.3))
            stack.kill("postgres")
        if n % 10 == 5:
            stack.kill("ingest", "terse-ingest")
            wait_for(lambda: stack.pids("ingest", "terse-ingest"))
    stack.wait_ready()
    wait_for(lambda: not list(stack.journal.glob("*-1-*.log")), 60, 0.1)
    assert stored(stack, url) == (80000, 80000)
    wait_stored(stack, client)
    assert totals(client, url)["all"] == 80000


def test_a_repeated_visit_counts_once(stack, client):
    url, visit = new_url(client), uuid.uuid4().hex
    put_segment(stack, "0000000000000001-1-0000000000000001.log", click_line(url, visit) + click_line(url, visit))
    wait_for(lambda: stored(stack, url) == (1, 1))
    put_segment(stack, "0000000000000002-1-0000000000000002.log", click_line(url, visit) + click_line(url))
    wait_for(lambda: stored(stack, url) == (2, 2))
    assert totals(client, url)["all"] == 2
    assert metric(client, "terse_ingest_repeats_total") >= 2


def test_a_torn_tail_is_dropped(stack, client):
    url, torn = new_url(client), metric(client, "terse_ingest_torn_tails_total")
    name = "0000000000000003-1-0000000000000003.log"
    put_segment(stack, name, click_line(url) + click_line(url)[:-9])
    wait_for(lambda: stored(stack, url) == (1, 1))
    wait_for(lambda: not (stack.journal / name).exists())
    assert metric(client, "terse_ingest_torn_tails_total") == torn + 1


@pytest.mark.parametrize("bad", [
    b"no visit\tat all\n", b"\n", b"\\.\n", b"\xff\xfe\n", b"x" * 20000 + b"\n", b"\t" * 40 + b"\n",
], ids=["text", "empty", "end-of-copy", "not-utf-8", "long", "tabs"])  # fmt: skip
def test_a_bad_line_goes_to_the_dead_letters_and_its_neighbours_are_stored(stack, client, bad):
    url, dead = new_url(client), metric(client, "terse_ingest_dead_letters_total")
    name = f"{time.time_ns() // 1000 % 10**12:016}-1-{uuid.uuid4().hex[:16]}.log"
    before = b"".join(click_line(url) for _ in range(20))
    after = b"".join(click_line(url) for _ in range(20))
    put_segment(stack, name, before + bad + after)
    wait_for(lambda: stored(stack, url) == (40, 40))
    letters = b"".join(path.read_bytes() for path in (stack.journal / "dead").iterdir())
    assert bad.strip(b"\n") in letters
    assert metric(client, "terse_ingest_dead_letters_total") == dead + 1
    wait_for(lambda: not (stack.journal / name).exists())


def test_a_click_of_a_deleted_url_is_kept(stack, client):
    url = new_url(client)
    assert client.delete(f"/urls/{url['id']}").status == 204
    put_segment(stack, "0000000000000004-1-0000000000000004.log", click_line(url))
    wait_for(lambda: stored(stack, url) == (1, 1))
    assert client.get(f"/stats/{url['short_code']}").status == 404


def test_a_full_disk_costs_no_visitor_the_redirect(stack, client):
    url, lost = new_url(client), metric(client, 'terse_journal_lines_total{outcome="error"}')
    dropped = metric(client, "terse_log_lines_dropped_total")
    workers = [pid for pool in ("redirect-a", "redirect-b") for pid in stack.pids(pool, "terse-worker")]
    try:
        limit_files(workers, 0)
        assert follow(client, url, 5).status == 302
        assert metric(client, 'terse_journal_lines_total{outcome="error"}') == lost + 5
    finally:
        limit_files(workers, "unlimited")
    assert metric(client, "terse_log_lines_dropped_total") > dropped
    assert follow(client, url).status == 302
    wait_stored(stack, client)
    assert totals(client, url)["all"] == 1


def test_without_ingest_visits_wait_and_are_counted_later(stack, client):
    url = new_url(client)
    stack.sv("down", "ingest")
    try:
        assert follow(client, url, 7).status == 302
        began = time.monotonic()
        assert float(client.get(f"/stats/{url['short_code']}").headers["Terse-Lag-Seconds"]) >= 0
        assert time.monotonic() - began < 3
    finally:
        stack.sv("up", "ingest")
    wait_stored(stack, client)
    assert totals(client, url)["all"] == 7


def test_only_one_ingest_serves_a_journal(stack, client):
    program = os.path.join(os.environ["TERSE_BUILD"], "terse-ingest")
    second = subprocess.Popen([program], env={**os.environ, "TERSE_SETTINGS": str(stack.state / "terse.env")},
                              stderr=subprocess.PIPE, text=True)
    try:
        assert '"waits"' in second.stderr.readline()
        second.terminate()
        assert second.wait(10) == 0
    finally:
        second.kill()
        second.stderr.close()


def test_the_journal_is_drained_when_the_service_stops(stack, client):
    url = new_url(client)
    assert follow(client, url, 3).status == 302
    stack.sv("down", "ingest")
    assert stored(stack, url) == (3, 3)
    stack.sv("up", "ingest")

"""Three layers of health under load: nginx asks the other pool, terse-pool ends who hangs, and a pool that can't answer
is out of nginx's reach. No client sees an error, and none waits longer than a second."""

import contextlib
import os
import platform
import signal
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from pools import beats, is_slow_machine, make_loop, metrics, symbol, total, up
from stack import Stack, is_sanitized, wait_for
from traffic import Traffic, create, follow, read
from wire import Api

POOLS = ("redirect-a", "redirect-b", "api-a", "api-b")
DELAY_S = 1.0
BACK_S = 20
SUSPECT_US = (10_000 + 2_000) * 1000  # TERSE_REQUEST_TIMEOUT_MS, and two seconds


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_REDIRECT_WORKERS=2, TERSE_API_WORKERS=2, TERSE_POOL_UP_COOLDOWN_MS=0) as started:
        yield started


@pytest.fixture
def code(stack):
    stack.wait_ready()
    wait_for(lambda: all(total(stack, "terse_pool_in_rotation", pool=pool) == 1 for pool in POOLS))
    reply = Api("127.0.0.1", stack.port, set()).post("/urls", {"original_url": "https://example.org/"})
    return reply.json()["short_code"]


@contextlib.contextmanager
def under_load(stack, calls):
    """Traffic that is on its way before the test goes on, and goes on when it has."""
    with Traffic(stack.port, calls) as traffic:
        wait_for(lambda: sum(traffic.good.values()) > 200)
        yield traffic
        done = sum(traffic.good.values())
        wait_for(lambda: sum(traffic.good.values()) > done + 200)


def assert_untouched(traffic):
    assert not traffic.bad
    assert max(traffic.slowest_s.values()) <= (3 if is_slow_machine() else 1) * DELAY_S, traffic.slowest_s


def safe_calls(code):
    return [follow(code), read()]


def signal_all(stack, pool, sig):
    pids = up(stack.run, pool)
    for pid in pids:
        os.kill(pid, sig)
    return pids


def wait_replaced(stack, pool, pids, n=2):
    wait_for(lambda: len(now := up(stack.run, pool)) >= n and not now & pids, BACK_S)
    wait_for(lambda: not pids & set(stack.pids(pool)), BACK_S)


@pytest.mark.parametrize("pool", ["redirect-a", "redirect-b", "api-a", "api-b"])
def test_workers_that_are_killed_one_by_one_cost_nothing(stack, code, pool):
    """nginx's own layer: it sends what was lost to the other pool."""
    with under_load(stack, safe_calls(code)) as traffic:
        for _ in range(5):
            (killed, *_) = up(stack.run, pool)
            os.kill(killed, signal.SIGKILL)
            wait_replaced(stack, pool, {killed})
    assert_untouched(traffic)


@pytest.mark.parametrize("pool", ["redirect-a", "api-b"])
def test_one_worker_that_is_stopped_costs_nothing(stack, code, pool):
    """The heartbeat's layer."""
    hung = total(stack, "terse_pool_restarts_total", pool=pool, reason="hung")
    with under_load(stack, safe_calls(code)) as traffic:
        (stopped, *_) = up(stack.run, pool)
        os.kill(stopped, signal.SIGSTOP)
        wait_replaced(stack, pool, {stopped})
    assert_untouched(traffic)
    assert total(stack, "terse_pool_restarts_total", pool=pool, reason="hung") == hung + 1


@pytest.mark.parametrize("pool", ["redirect-a", "redirect-b", "api-a", "api-b"])
@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_a_pool_all_of_whose_workers_fall_away_costs_nothing(stack, code, pool, sig):
    """The third layer."""
    with under_load(stack, safe_calls(code)) as traffic:
        wait_replaced(stack, pool, signal_all(stack, pool, sig))
    assert_untouched(traffic)
    wait_for(lambda: '"out of rotation","program":"terse-pool"' in stack.log(pool))


def wait_unsuspected(stack, pool):
    """What hangs in one pool may have hung in the other just before: then it is not sent back at once."""
    kills = stack.run / f"{pool[:-2]}.rotation"
    at_us, _ = struct.unpack("=qq", kills.read_bytes().ljust(16, b"\0"))
    wait_for(lambda: time.monotonic() * 1e6 > at_us + SUSPECT_US, 30)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows one processor's jump")
@pytest.mark.parametrize("pool, function", [("redirect-a", "dispatch_begin"), ("api-a", "dispatch_begin"),
                                            ("redirect-b", "beat_idle"), ("api-b", "beat_idle")])
def test_a_pool_all_of_whose_workers_loop_costs_nothing(stack, code, pool, function):
    offset = symbol(stack.state / "bin/terse-worker", function)
    wait_unsuspected(stack, pool)
    with under_load(stack, safe_calls(code)) as traffic:
        pids = up(stack.run, pool)
        try:
            make_loop(pids, offset)
        except PermissionError:
            pytest.skip("may not write into others' memory")
        wait_replaced(stack, pool, pids)
    assert_untouched(traffic)


@pytest.mark.parametrize("pool", ["redirect-b", "api-b"])
def test_a_pool_whose_program_dies_at_its_start_is_out_until_it_is_mended(stack, code, pool):
    program = stack.state / "canary/terse-worker"
    broken = program.with_name("broken")
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    program.rename(program.with_name("kept"))
    broken.rename(program)
    try:
        with under_load(stack, safe_calls(code)) as traffic:
            signal_all(stack, pool, signal.SIGKILL)
            wait_for(lambda: total(stack, "terse_pool_in_rotation", pool=pool) == 0)
            crashed = total(stack, "terse_pool_restarts_total", pool=pool, reason="crashed")
            wait_for(lambda: total(stack, "terse_pool_restarts_total", pool=pool, reason="crashed") > crashed)
        assert_untouched(traffic)
    finally:
        program.with_name("kept").rename(program)
    wait_for(lambda: total(stack, "terse_pool_in_rotation", pool=pool) == 1, BACK_S)


@pytest.mark.parametrize("pool", ["redirect-a", "api-a"])
def test_a_killed_terse_pool_is_back_soon_and_costs_nothing(stack, code, pool):
    """Its workers take the socket's path away before they leave, and serve those who have connected."""
    with under_load(stack, [follow(code), read(), create()]) as traffic:
        workers = up(stack.run, pool)
        killed = stack.kill(pool, "terse-pool")
        began = time.monotonic()
        wait_for(lambda: stack.pids(pool, "terse-pool") not in ([], killed), BACK_S)
        wait_replaced(stack, pool, workers)
        assert time.monotonic() - began < (10 if is_slow_machine() else 5)
    assert_untouched(traffic)


def test_a_killed_terse_pool_costs_no_request_that_its_workers_are_at(stack, code):
    """Orphans finish what they have, while their successors serve."""
    client = Api("127.0.0.1", stack.port, set())
    user = {"username": "left", "email": "left@example.org"}
    with contextlib.closing(stack.connect()) as session, Traffic(stack.port, [follow(code)], clients=2) as traffic:
        session.cursor().execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        replies = []
        asking = threading.Thread(target=lambda: replies.append(client.post("/users", user).status))
        asking.start()
        holders = wait_for(lambda: [(pool, pid) for pool in ("api-a", "api-b")
                                    for pid, beat in beats(stack.run, pool).items() if beat.state == "unsafe"])
        ((pool, holder),) = holders
        stack.kill(pool, "terse-pool")
        wait_for(lambda: len(up(stack.run, pool) - {holder}) == 2, BACK_S)
        assert not replies
        session.rollback()
        asking.join()
    assert replies == [201]
    assert not traffic.bad
    wait_for(lambda: holder not in stack.pids(pool))


@pytest.mark.parametrize("pool", ["redirect-a", "api-b"])
def test_a_pool_that_is_restarted_loses_no_request_of_any_kind(stack, code, pool):
    with under_load(stack, [follow(code), read(), create()]) as traffic:
        stack.sv("restart", pool)
        wait_for(lambda: len(up(stack.run, pool)) == 2, BACK_S)
    assert_untouched(traffic)


def test_workers_that_wait_for_a_slow_database_are_not_taken_for_sick(stack, code):
    hung = total(stack, "terse_pool_restarts_total", reason="hung")
    with contextlib.closing(stack.connect()) as session, Traffic(stack.port, [follow(code)]) as visitors:
        session.cursor().execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
        with Traffic(stack.port, [read()], clients=12) as readers:
            wait_for(lambda: all(beat.state == "safe" for pool in ("api-a", "api-b")
                                 for beat in beats(stack.run, pool).values()))
            time.sleep(2)  # longer than any patience with the silent
            assert metrics_of_rotation(stack) == {pool: 1 for pool in POOLS}
            session.rollback()
    assert not readers.bad and not visitors.bad
    assert total(stack, "terse_pool_restarts_total", reason="hung") == hung


def metrics_of_rotation(stack):
    """Read past the API, all of whose workers wait: from what a pool of redirects says of the sockets."""
    return {pool: int((stack.run / f"{pool}.sock").exists()) for pool in POOLS}


def scaled(stack, direction, reason):
    return total(stack, "terse_pool_scale_events_total", pool="api-a", direction=direction, reason=reason)


def test_busy_pools_grow_and_idle_ones_shrink(stack, code):
    settings = {"TERSE_POOL_WINDOW_MS": 200, "TERSE_POOL_UP_COOLDOWN_MS": 300, "TERSE_POOL_DOWN_COOLDOWN_MS": 400}
    assert stack.control("start", **settings, TERSE_API_WORKERS=1, TERSE_API_WORKERS_MAX=3).returncode == 0
    try:
        grows, shrinks = scaled(stack, "up", "busy"), scaled(stack, "down", "idle")
        with contextlib.closing(stack.connect()) as session, Traffic(stack.port, [read()], clients=20) as traffic:
            session.cursor().execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
            wait_for(lambda: len(up(stack.run, "api-a")) == 3)
            session.rollback()
        assert not traffic.bad
        wait_for(lambda: len(up(stack.run, "api-a")) == 1, BACK_S)
        assert scaled(stack, "up", "busy") >= grows + 2
        assert scaled(stack, "down", "idle") >= shrinks + 2
    finally:
        back = {"TERSE_POOL_WINDOW_MS": 5000, "TERSE_POOL_UP_COOLDOWN_MS": 60000, "TERSE_POOL_DOWN_COOLDOWN_MS": 120000}
        assert stack.control("start", **back, TERSE_API_WORKERS=2, TERSE_API_WORKERS_MAX=8).returncode == 0


def test_a_new_worker_carries_at_least_half_its_share_within_ten_seconds(stack, code):
    """Kept connections are given back after 1000 requests, so the load reaches it."""
    settings = {"TERSE_POOL_WINDOW_MS": 500, "TERSE_POOL_HIGH_PERCENT": 1, "TERSE_POOL_LOW_PERCENT": 0}
    assert stack.control("start", **settings, TERSE_REDIRECT_WORKERS=1, TERSE_REDIRECT_WORKERS_MAX=2).returncode == 0
    with Traffic(stack.port, [follow(code)], clients=64) as traffic:
        both = wait_for(lambda: len(now := up(stack.run, "redirect-a")) == 2 and now, BACK_S)
        new = max(both, key=lambda pid: os.stat(f"/proc/{pid}").st_ctime_ns)
        time.sleep(8)
        before = {pid: beat.requests for pid, beat in beats(stack.run, "redirect-a").items()}
        time.sleep(2)
        done = {pid: beat.requests - before[pid] for pid, beat in beats(stack.run, "redirect-a").items()}
    assert not traffic.bad
    assert done[new] >= 0.5 * sum(done.values()) / len(done), done
    back = {"TERSE_POOL_WINDOW_MS": 5000, "TERSE_POOL_HIGH_PERCENT": 75, "TERSE_POOL_LOW_PERCENT": 30}
    assert stack.control("start", **back, TERSE_REDIRECT_WORKERS=2, TERSE_REDIRECT_WORKERS_MAX=4).returncode == 0


def test_used_up_workers_are_recycled_and_nothing_is_lost(stack, code):
    assert stack.control("start", TERSE_WORKER_REQUESTS=300).returncode == 0
    try:
        with under_load(stack, [follow(code), read(), create()]) as traffic:
            for pool in POOLS:
                wait_for(lambda: total(stack, "terse_pool_restarts_total", pool=pool, reason="recycled") >= 2, BACK_S)
        assert_untouched(traffic)
    finally:
        assert stack.control("start", TERSE_WORKER_REQUESTS=10000000).returncode == 0


def probe(stack, target):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.probe_port}{target}", timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_each_pool_can_be_probed_by_itself(stack, code):
    for pool in POOLS:
        for what in ("/health", "/health/ready"):
            assert probe(stack, f"/{pool}{what}") == 200
    for target in ("/", "/health", "/redirect-c/health", "/redirect-a/urls", f"/redirect-a/{code}", "/api-a/health/x"):
        assert probe(stack, target) == 404
    stack.sv("down", "api-b")
    try:
        assert probe(stack, "/api-b/health") == 503
        assert probe(stack, "/api-a/health") == 200
    finally:
        stack.sv("up", "api-b")
    wait_for(lambda: probe(stack, "/api-b/health/ready") == 200)


def test_probes_are_for_this_machine_alone(stack):
    ports = [line.split()[1] for line in open("/proc/net/tcp") if line.split()[3] == "0A"]
    ports += [line.split()[1] for line in open("/proc/net/tcp6") if line.split()[3] == "0A"]
    assert [port for port in ports if port.endswith(f":{stack.probe_port:04X}")] == [f"0100007F:{stack.probe_port:04X}"]


def test_the_gauges_say_what_the_pools_do(stack, code):
    now = metrics(stack)
    for pool in POOLS:
        workers = {state: now[f'terse_pool_workers{{pool="{pool}",state="{state}"}}']
                   for state in ("starting", "idle", "busy", "unable", "draining")}
        assert sum(workers.values()) >= 2 and workers["unable"] == 0
        assert 0 <= now[f'terse_pool_busy_ratio{{pool="{pool}"}}'] <= 1
        assert now[f'terse_pool_in_rotation{{pool="{pool}"}}'] == 1


def test_metrics_are_as_prometheus_wants_them(stack, code):
    request = urllib.request.Request(stack.url + "/metrics", headers={"X-API-Key": stack.secret("admin_key")})
    with urllib.request.urlopen(request, timeout=10) as reply:
        check = subprocess.run(["promtool", "check", "metrics"], input=reply.read(), capture_output=True, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


@pytest.mark.skipif(is_sanitized(), reason="sanitizers use memory of their own")
def test_a_pool_needs_little_memory(stack, code):
    """What only it has: its program's and libraries' pages are shared, the metrics are a file."""
    with under_load(stack, [follow(code)]):
        for pool in ("redirect-a", "api-a"):
            (pid,) = stack.pids(pool, "terse-pool")
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                kib = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty"))
            assert kib <= 1024, pool

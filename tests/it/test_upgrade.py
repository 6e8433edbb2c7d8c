"""New builds and settings under load, on all pools or on a part of the requests: no request is lost."""

import json
import os
import subprocess

import pytest

from pools import other_build, total, up
from stack import TOP, Stack, wait_for
from traffic import Traffic, create, follow, read
from wire import Api

POOLS = ("redirect-a", "redirect-b", "api-a", "api-b")
BROKEN = b"#!/bin/sh\nexit 1\n"


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_REDIRECT_WORKERS=1, TERSE_API_WORKERS=2) as started:
        yield started


@pytest.fixture
def code(stack):
    stack.wait_ready()
    reply = Api("127.0.0.1", stack.port, set()).post("/urls", {"original_url": "https://example.org/"})
    return reply.json()["short_code"]


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("builds")
    return {"new": other_build(os.environ["TERSE_BUILD"], folder / "new"),
            "broken": other_build(os.environ["TERSE_BUILD"], folder / "broken", BROKEN)}


def traffic_of_all_kinds(stack, code):
    """On a new connection each time: what nginx keeps open it may close when it reloads."""
    return Traffic(stack.port, [follow(code), read(), create()], clients=8, kept=False)


def programs(stack, pool):
    """The contents of the programs that the pool's workers run."""
    return {open(f"/proc/{pid}/exe", "rb").read() for pid in up(stack.run, pool)}


def program_of(build):
    return (build / "terse-worker").read_bytes()


def stable(stack):
    return (stack.state / "bin/terse-worker").read_bytes()


def canary(stack, *arguments):
    return subprocess.run([TOP / "ci/canary", *arguments], env=stack.environment, capture_output=True, text=True,
                          check=False)


def test_an_upgrade_replaces_every_worker_and_loses_nothing(stack, code, builds):
    main = {pool: stack.pids(pool, "terse-pool") for pool in POOLS}
    with traffic_of_all_kinds(stack, code) as traffic:
        assert stack.control("start", TERSE_BUILD=builds["new"]).returncode == 0
    assert not traffic.bad
    assert all(programs(stack, pool) == {program_of(builds["new"])} for pool in POOLS)
    assert {pool: stack.pids(pool, "terse-pool") for pool in POOLS} == main
    with traffic_of_all_kinds(stack, code) as traffic:
        assert stack.control("start").returncode == 0
    assert not traffic.bad
    assert not any(program_of(builds["new"]) in programs(stack, pool) for pool in POOLS)


def test_an_upgrade_to_a_broken_build_is_refused_and_costs_nothing(stack, code, builds):
    before = {pool: up(stack.run, pool) for pool in POOLS}
    failed = total(stack, "terse_pool_rolls_total", outcome="error")
    with traffic_of_all_kinds(stack, code) as traffic:
        run = stack.control("start", TERSE_BUILD=builds["broken"])
        assert run.returncode != 0
        assert "redirect-a: failed: a new worker died" in run.stderr
    assert not traffic.bad
    assert {pool: up(stack.run, pool) for pool in POOLS} == before
    assert total(stack, "terse_pool_rolls_total", outcome="error") == failed + 1
    assert stack.control("start").returncode == 0


@pytest.mark.parametrize("name, value", [("TERSE_CODE_LENGTH", 9), ("TERSE_RATE_API", 1234),
                                         ("TERSE_POOL_WINDOW_MS", 4000)])
def test_a_changed_setting_loses_nothing(stack, code, name, value):
    with traffic_of_all_kinds(stack, code) as traffic:
        assert stack.control("start", **{name: value}).returncode == 0
    assert not traffic.bad
    if name == "TERSE_CODE_LENGTH":
        reply = Api("127.0.0.1", stack.port, set()).post("/urls", {"original_url": "https://example.org/"})
        assert len(reply.json()["short_code"]) == value


def followed(stack):
    """Redirects that each pool has logged."""
    lines = {pool: [json.loads(line) for line in stack.log(pool).splitlines() if '"url_follow"' in line]
             for pool in ("redirect-a", "redirect-b")}
    return {pool: len(found) for pool, found in lines.items()}


def test_a_canary_gets_its_part_and_is_aborted_without_a_loss(stack, code, builds):
    with traffic_of_all_kinds(stack, code) as traffic:
        run = canary(stack, "start", builds["new"], "20")
        assert run.returncode == 0, run.stderr
        assert "canary: 20 % on redirect-b api-b" in run.stdout
        before = followed(stack)
        begun = traffic.good["follow"]
        wait_for(lambda: traffic.good["follow"] > begun + 500, 30)
        wait_for(lambda: sum(followed(stack).values()) > sum(before.values()) + 400)
        now = followed(stack)
    assert not traffic.bad
    part = {pool: now[pool] - before[pool] for pool in now}
    assert 0.1 < part["redirect-b"] / sum(part.values()) < 0.35, part
    for pool in ("redirect-a", "api-a"):
        assert programs(stack, pool) == {stable(stack)}
    for pool in ("redirect-b", "api-b"):
        assert programs(stack, pool) == {program_of(builds["new"])}
    with traffic_of_all_kinds(stack, code) as traffic:
        run = canary(stack, "abort")
        assert run.returncode == 0, run.stderr
        assert run.stdout == "no canary\n"
    assert not traffic.bad
    assert all(programs(stack, pool) == {stable(stack)} for pool in POOLS)
    assert canary(stack, "abort").returncode == 0, "to abort twice is no mistake"


def test_a_canary_outlives_starts_and_restarts_and_is_promoted_without_a_loss(stack, code, builds):
    assert canary(stack, "start", builds["new"]).returncode == 0
    assert stack.control("start").returncode == 0
    stack.sv("restart", "api-b")
    wait_for(lambda: len(up(stack.run, "api-b")) == 2)
    assert programs(stack, "api-b") == {program_of(builds["new"])} != {stable(stack)}
    assert canary(stack, "status").stdout == "canary: 10 % on redirect-b api-b\n"
    with traffic_of_all_kinds(stack, code) as traffic:
        run = canary(stack, "promote")
        assert run.returncode == 0, run.stderr
    assert not traffic.bad
    assert all(programs(stack, pool) == {program_of(builds["new"])} for pool in POOLS)
    assert canary(stack, "status").stdout == "no canary\n"
    run = canary(stack, "promote")
    assert run.returncode != 0 and "There is no canary" in run.stderr
    assert stack.control("start").returncode == 0


def test_a_canary_that_does_not_come_up_changes_nothing(stack, code, builds):
    with traffic_of_all_kinds(stack, code) as traffic:
        run = canary(stack, "start", builds["broken"])
        assert run.returncode != 0
        assert "All is as before" in run.stderr
    assert not traffic.bad
    assert canary(stack, "status").stdout == "no canary\n"
    assert all(programs(stack, pool) == {stable(stack)} for pool in POOLS)


@pytest.mark.parametrize("arguments", [["start"], ["start", "/nonexistent"], [], ["what"]])
def test_a_wrong_call_is_refused(stack, arguments):
    run = canary(stack, *arguments)
    assert run.returncode != 0
    assert canary(stack, "status").stdout == "no canary\n"


@pytest.mark.parametrize("weight", ["0", "100", "x", "-1"])
def test_a_weight_that_cannot_be_is_refused(stack, builds, weight):
    run = canary(stack, "start", builds["new"], weight)
    assert run.returncode != 0
    assert "percentage" in run.stderr
    assert canary(stack, "status").stdout == "no canary\n"

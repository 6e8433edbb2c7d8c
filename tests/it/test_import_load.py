"""Bulk imports of urls that are large, hostile, or not alone."""

import concurrent.futures
import pathlib
import re
import time

import pytest

from imports import check, table
from records import events_of, follow, new_url, some_target, unique
from stack import is_sanitized

CHUNK = 5000  # rows of a transaction
PEAK_MIB = 48
KEPT_MIB = 16
WAIT_S = 3


def many(n, **members):
    start = unique("load")
    return [{"short_code": f"{start}-{i}", "original_url": some_target(), **members} for i in range(n)]


def api_workers(stack):
    return [pathlib.Path(f"/proc/{pid}") for name in ("api-a", "api-b") for pid in stack.pids(name, "terse-worker")]


def memory_mib(stack):
    """The most memory that an API worker has of its own; the tables that all share do not count."""
    status = "\n".join((worker / "status").read_text() for worker in api_workers(stack))
    return max(int(kib) for kib in re.findall(r"RssAnon:\s+(\d+)", status)) / 1024


def peak_mib(stack, work):
    """The most that memory_mib says while the work goes on."""
    peak = 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        working = pool.submit(work)
        while not working.done():
            peak = max(peak, memory_mib(stack))
    working.result()
    return peak


def stored(terse, rows):
    """(number, versions' sum) of the urls that the rows made."""
    prefix = rows[0]["short_code"].rsplit("-", 1)[0]
    return terse.sql("SELECT count(*), sum(version) FROM urls WHERE short_code LIKE %s", (prefix + "-%",))[0]


def test_a_file_of_several_chunks_is_stored_once_however_often_it_is_sent(api, terse):
    rows = many(2 * CHUNK + 17, title="tab\there", is_active="true")
    check(api.csv("/urls/bulk", table(rows)), imported=len(rows))
    before = stored(terse, rows)
    assert before[0] == len(rows)
    check(api.csv("/urls/bulk", table(rows)), updated=len(rows))
    assert stored(terse, rows) == before, "nothing has changed, so no version moves"


def test_a_code_that_fills_the_file_is_one_url_with_the_last_target(api):
    code = unique()
    rows = [{"short_code": code, "original_url": some_target(), "title": str(i)} for i in range(4 * CHUNK)]
    began = time.monotonic()
    check(api.csv("/urls/bulk", table(rows)), imported=1, updated=len(rows) - 1)
    assert time.monotonic() - began < 20, "a repeat costs no transaction of its own"
    url = {"id": api.get(f"/stats/{code}").json()["url_id"], "short_code": code}
    now = api.get(f"/urls/{url['id']}").json()
    assert (now["original_url"], now["title"]) == (rows[-1]["original_url"], rows[-1]["title"])
    changes = [event["details"]["changes"]["title"] for event in events_of(api, url, "updated")]
    assert changes[0]["old"] == "0" and changes[-1]["new"] == rows[-1]["title"]
    assert all(a["new"] == b["old"] for a, b in zip(changes, changes[1:])), "no step is left out"
    assert follow(api, url).headers["Location"] == rows[-1]["original_url"]


def test_an_id_that_fills_the_file_is_kept_once(api, terse):
    kept = new_url(api)["id"] + 1000
    rows = many(CHUNK + 10, id=kept)
    check(api.csv("/urls/bulk", table(rows)), imported=len(rows))
    assert stored(terse, rows)[0] == len(rows)
    assert api.get(f"/urls/{kept}").json()["short_code"] == rows[0]["short_code"]


def test_posts_go_on_beside_an_import(api):
    rows = many(6 * CHUNK)
    first = new_url(api)["id"] + 1
    for i, row in enumerate(rows):
        row["id"] = first + i  # those that the posts draw, too
    waits, ids = [], []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        importing = pool.submit(api.csv, "/urls/bulk", table(rows))
        while not importing.done():
            began = time.monotonic()
            ids.append(new_url(api)["id"])
            waits.append(time.monotonic() - began)
    check(importing.result(), imported=len(rows))
    assert len(set(ids)) == len(ids) >= 5
    assert max(waits) < WAIT_S, waits


def test_memory_does_not_grow_with_the_file_nor_with_its_rows(api, terse):
    if is_sanitized():
        pytest.skip("AddressSanitizer keeps what is freed")
    long = [{**row, "original_url": some_target("x" * 1900), "title": "é" * 500} for row in many(3 * CHUNK)]

    def work():
        check(api.csv("/urls/bulk", table(many(4 * CHUNK))), imported=4 * CHUNK)
        check(api.csv("/urls/bulk", table(long)), imported=len(long))

    assert peak_mib(terse, work) < PEAK_MIB


def test_what_a_large_body_took_is_given_back(api, terse):
    if is_sanitized():
        pytest.skip("AddressSanitizer keeps what is freed")
    notices = [{"status": "firing", "labels": {"alertname": f"Large{i}", "many": "x"}, "annotations": {},
                "startsAt": "2026-01-01T00:00:00Z"} for i in range(8000)]
    for _ in range(4):
        reply = api.post("/alerts/webhook", {"version": "4", "alerts": notices})
        assert reply.status == 200
    assert memory_mib(terse) < KEPT_MIB

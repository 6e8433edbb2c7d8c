"""PostgreSQL away, Redis away: what still works, and what honest answers the rest gives."""

import contextlib

import pytest

from records import events_of, follow, new_url, some_target, unique
from stack import wait_for


@contextlib.contextmanager
def without(api, terse, service):
    """A service is down for as long as this lasts."""
    terse.sv("down", service)
    try:
        yield
    finally:
        terse.sv("up", service)
        wait_writable(api, terse)


def wait_writable(api, terse):
    """Every part is up, and the workers have noticed."""
    terse.wait_ready()
    wait_for(lambda: all(api.post("/urls", {"original_url": some_target()}).status == 201 for _ in range(8)))


def check_state(terse, status, check):
    wait_for(lambda: terse.ready() and terse.ready()["status"] == status)
    assert terse.ready()["checks"][check]["state"] != "ok"


def test_without_redis_everything_works(api, terse):
    url = new_url(api)
    with without(api, terse, "redis"):
        check_state(terse, "degraded", "redis")
        assert api.get("/health/ready").status == 200
        assert {follow(api, url).status for _ in range(8)} == {302}
        new = some_target()
        assert api.put(f"/urls/{url['id']}", {"original_url": new}).status == 200
        assert {follow(api, url).headers["Location"] for _ in range(8)} == {new}
        other = new_url(api)
        assert follow(api, other).status == 302
        assert len(events_of(api, other, "click")) == 1
    assert {follow(api, url).headers["Location"] for _ in range(8)} == {new}


def is_cached(api, statements, url):
    """Whether following a url asks PostgreSQL nothing."""
    before = statements()
    follow(api, url, 4)
    return statements() == before


def test_without_postgresql_known_links_redirect_and_the_rest_is_503(api, terse, statements):
    url = new_url(api)
    wait_for(lambda: is_cached(api, statements, url))
    clicks = len(events_of(api, url, "click"))
    with without(api, terse, "postgres"):
        check_state(terse, "unavailable", "postgresql")
        assert api.get("/health/ready").status == 503
        assert api.get("/health").status == 200
        assert {follow(api, url).status for _ in range(8)} == {302}
        for target in (
            "/users",
            "/urls",
            f"/urls/{url['id']}",
            f"/stats/{url['short_code']}",
            f"/{unique()}",
        ):
            assert api.get(target).status == 503, target
        assert api.post("/urls", {"original_url": some_target()}).status == 503
        assert api.put(f"/urls/{url['id']}", {"title": "x"}).status == 503
        assert api.delete(f"/urls/{url['id']}").status == 503
        assert api.post("/urls", {"original_url": 5}).status == 422
    assert len(events_of(api, url, "click")) == clicks + 8
    assert api.get(f"/urls/{url['id']}").json() == url


def test_without_ingest_reads_of_visits_say_how_late_they_are(api, terse):
    url = new_url(api)
    terse.sv("down", "ingest")
    try:
        assert follow(api, url).status == 302
        for target in (f"/events?url_id={url['id']}", f"/stats/{url['short_code']}"):
            reply = api.get(target)
            assert reply.status == 200 and float(reply.headers["Terse-Lag-Seconds"]) >= 0, target
        assert "Terse-Lag-Seconds" not in api.get(f"/events?event_type=created&url_id={url['id']}").headers
    finally:
        terse.sv("up", "ingest")
    wait_for(lambda: len(events_of(api, url, "click")) == 1)
    assert "Terse-Lag-Seconds" not in api.get(f"/stats/{url['short_code']}").headers


@pytest.mark.parametrize("service", ["pgbouncer", "redis", "postgres"])
def test_a_killed_part_is_back_at_once(api, terse, service):
    url = new_url(api)
    terse.kill(service)
    wait_writable(api, terse)
    assert {follow(api, url).status for _ in range(8)} == {302}

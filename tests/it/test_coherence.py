"""A change is visible to every redirect once its call has returned, whatever ends or fails meanwhile.

What a worker that ends between its commit and the cache leaves behind is made by SQL here.
"""

import contextlib
import threading
import time

import pytest

from records import edit_url, follow, new_url, some_target, unique
from stack import Stack, wait_for
from wire import Api

TIMES = 16  # so that every worker is asked


@pytest.fixture(scope="module", name="stack")
def own_stack():
    with Stack() as stack:
        yield stack


@pytest.fixture(name="client")
def own_client(stack):
    return Api("127.0.0.1", stack.port, set())


@contextlib.contextmanager
def without(stack, service):
    stack.sv("down", service)
    try:
        yield
    finally:
        stack.sv("up", service)
        stack.wait_ready()


def outcomes(api, url):
    """What following a url gives: statuses and targets."""
    return {(reply.status, reply.headers["Location"]) for reply in (follow(api, url) for _ in range(TIMES))}


def import_url(api, url, target):
    reply = api.csv("/urls/bulk", f"short_code,original_url\n{url['short_code']},{target}\n")
    assert reply.status == 201 and reply.json()["count"] == 1, reply


def test_a_deleted_code_that_is_imported_again_is_there_at_once(stack, client):
    url = new_url(client)
    with without(stack, "ingest"):
        assert client.delete(f"/urls/{url['id']}").status == 204
        assert outcomes(client, url) == {(404, None)}
        target = some_target()
        import_url(client, url, target)
        assert outcomes(client, url) == {(302, target)}


def test_an_edit_that_finds_itself_done_is_visible_too(stack, client):
    url = new_url(client)
    target = some_target()
    follow(client, url, TIMES)
    with without(stack, "ingest"):
        stack.sql(
            "UPDATE urls SET original_url = %s, version = nextval('url_version_seq') WHERE id = %s",
            (target, url["id"]),
        )
        edit_url(client, url, original_url=target)
        assert outcomes(client, url) == {(302, target)}


def test_a_url_that_is_found_instead_of_made_is_known(stack, client):
    url, target = {"short_code": unique()}, some_target()
    assert outcomes(client, url) == {(404, None)}
    stack.sql("INSERT INTO urls (short_code, original_url) VALUES (%s, %s)", (url["short_code"], target))
    assert client.post("/urls", {"original_url": target, "find_if_exists": True}).status == 200
    assert outcomes(client, url) == {(302, target)}


def test_an_import_that_fails_leaves_known_links_working(stack, client):
    url = new_url(client)
    wait_for(lambda: client.get("/health/ready").json()["status"] == "ok")
    follow(client, url, TIMES)
    with without(stack, "postgres"):
        reply = client.csv("/urls/bulk", f"short_code,original_url\n{unique()},{some_target()}\n")
        assert reply.status == 503, reply
        assert outcomes(client, url) == {(302, url["original_url"])}


def test_a_code_made_while_it_is_being_deleted_has_the_later_version(stack, client):
    url, target, replies = new_url(client), some_target(), []
    made = {"original_url": target, "short_code": url["short_code"]}
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM urls WHERE id = %s", (url["id"],))
        thread = threading.Thread(target=lambda: replies.append(client.post("/urls", made)))
        thread.start()
        wait_for(lambda: stack.sql("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"))
        cursor.execute(
            "INSERT INTO outbox (short_code, version) VALUES (%s, nextval('url_version_seq')) RETURNING version",
            (url["short_code"],),
        )
        deleted = cursor.fetchone()[0]
    thread.join()
    assert replies[0].status == 201 and replies[0].json()["version"] > deleted, replies
    time.sleep(1)  # until the deletion has come through the outbox
    assert outcomes(client, url) == {(302, target)}

"""Following a link: at the root and by /urls/{code}/redirect."""

import pytest

from records import edit_url, events_of, follow, new_url, new_user, some_target, unique

BOTH = pytest.mark.parametrize("path", ["/{}", "/urls/{}/redirect", "/api/v1/urls/{}/redirect"])
MANY = 12  # enough to meet every worker and both sockets, most likely


def visit(api, path, url, method="GET", headers=()):
    return api.send(method, path.format(url["short_code"]), None, headers)


@BOTH
def test_a_redirect_is_a_302_that_nobody_stores(api, path):
    url = new_url(api)
    for _ in range(3):
        reply = visit(api, path, url)
        assert (reply.status, reply.headers["Location"], reply.body) == (302, url["original_url"], b"")
        assert reply.headers["Cache-Control"] == "private, no-store"


@BOTH
def test_each_visit_is_one_click_of_the_owner(api, path):
    user = new_user(api)
    url = new_url(api, user_id=user["id"])
    for n in range(1, 4):
        visit(
            api,
            path,
            url,
            headers=[
                ("Referer", "https://news.example/?a=ä"),
                ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"),
            ],
        )
        clicks = events_of(api, url, "click")
        assert len(clicks) == n
    for click in clicks:
        assert (click["url_id"], click["user_id"]) == (url["id"], user["id"])
        assert click["details"]["short_code"] == url["short_code"]
        assert click["details"]["referrer"].startswith("https://news.example/")
        assert api.get(f"/events/{click['id']}").json() == click
    assert click["id"] in [e["id"] for e in api.get(f"/events?user_id={user['id']}&event_type=click").json()]


@BOTH
def test_head_does_not_count(api, path):
    url = new_url(api)
    reply = visit(api, path, url, "HEAD")
    assert (reply.status, reply.headers["Location"]) == (302, url["original_url"])
    assert events_of(api, url, "click") == []


@BOTH
def test_an_inactive_url_is_404_at_once_and_leaves_no_event(api, path):
    url = new_url(api)
    for _ in range(2):
        for _ in range(4):
            assert visit(api, path, url).status == 302
        edit_url(api, url, is_active=False)
        before = events_of(api, url)
        assert {visit(api, path, url).status for _ in range(MANY)} == {404}
        assert visit(api, path, url, "HEAD").status == 404
        assert events_of(api, url) == before
        edit_url(api, url, is_active=True)
        assert {visit(api, path, url).status for _ in range(MANY)} == {302}


def test_inactive_looks_like_unknown(api):
    url = edit_url(api, new_url(api), is_active=False)
    off, unknown = follow(api, url).json(), api.get("/" + unique()).json()
    for problem in (off, unknown):
        del problem["instance"], problem["request_id"]
    assert off == unknown


@BOTH
def test_a_new_target_is_followed_at_once(api, path):
    url = new_url(api)
    for _ in range(3):
        assert visit(api, path, url).headers["Location"] == url["original_url"]
        url = edit_url(api, url, original_url=some_target())
        assert {visit(api, path, url).headers["Location"] for _ in range(MANY)} == {url["original_url"]}


@BOTH
def test_a_deleted_url_is_404_at_once(api, path):
    url = new_url(api)
    assert visit(api, path, url).status == 302
    assert api.delete(f"/urls/{url['id']}").status == 204
    assert {visit(api, path, url).status for _ in range(MANY)} == {404}


@BOTH
def test_an_unknown_code_is_404_and_no_click(api, path):
    last = api.get("/events?event_type=click&per_page=200&after=0")
    before = total(api, last)
    for code in (unique(), "zz", "x" * 65, "x" * 64, "a.b"):
        for _ in range(2):
            assert api.get(path.format(code)).status == 404
    assert total(api, api.get("/events?event_type=click&per_page=200&after=0")) == before


def total(api, page):
    n = len(page.json())
    while "next" in page.links():
        page = api.get(page.links()["next"])
        n += len(page.json())
    return n


def test_visitors_headers_are_no_danger(api):
    url = new_url(api)
    odd = [
        "",
        "\x01\x02\x7f",
        "é" * 400,
        "\\N\\t\\.\\",
        "a\tb",
        "x" * 1500,
        "\udcff\udcfe",
        "%00",
        '{"a":"',
        "\\",
        "\\.",
    ]
    for text in odd:
        headers = [
            (name, text) for name in ("User-Agent", "Referer", "Accept-Language", "X-Forwarded-For", "Cookie")
        ]
        assert visit(api, "/{}", url, headers=headers).status == 302 or "\x01" in text
    clicks = events_of(api, url, "click")
    assert len(clicks) in (len(odd), len(odd) - 1)
    assert all(click["details"]["short_code"] == url["short_code"] for click in clicks)


def test_methods_other_than_get_and_head_do_not_follow(api):
    url = new_url(api)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert visit(api, "/{}", url, method).status == 405
        assert visit(api, "/urls/{}/redirect", url, method).status == 405
    assert events_of(api, url, "click") == []

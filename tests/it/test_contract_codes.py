"""Short codes: drawn, custom, reserved, freed."""

import re

import pytest

from records import follow, new_url, some_target, types_of, unique
from wire import pointers

RESERVED = [
    "health",
    "metrics",
    "prom_metrics",
    "logs",
    "chaos",
    "users",
    "urls",
    "shorten",
    "stats",
    "events",
    "alerts",
    "api",
]


def test_a_drawn_code_is_seven_characters_of_base62(api):
    codes = [new_url(api)["short_code"] for _ in range(20)]
    assert all(re.fullmatch(r"[0-9A-Za-z]{7}", code) for code in codes)
    assert len(set(codes)) == 20


@pytest.mark.parametrize("code", ["abc", "A-_", "___", "---", "0" * 64])
def test_custom_codes_of_every_shape(api, code):
    reply = api.post("/urls", {"original_url": some_target(), "short_code": code})
    assert reply.status in (201, 409)  # 409: an earlier test run on this service
    assert api.get(f"/{code}").status == 302


@pytest.mark.parametrize("code", ["problem", "bulk", "redirect", "ready"])
def test_words_that_the_service_uses_elsewhere_are_codes_like_any_other(api, code):
    reply = api.post("/urls", {"original_url": some_target(), "short_code": code})
    assert reply.status in (201, 409)  # 409: an earlier test run on this service
    assert api.get(f"/{code}").status == 302
    assert api.get(f"/urls/{code}/redirect").status == 302


def test_codes_are_case_sensitive(api):
    code = unique("Case")
    upper, lower = new_url(api, short_code=code), new_url(api, short_code=code.lower())
    assert follow(api, upper).headers["Location"] == upper["original_url"]
    assert follow(api, lower).headers["Location"] == lower["original_url"]
    assert api.get(f"/{code.upper()}").status == 404


@pytest.mark.parametrize("path,member", [("/urls", "original_url"), ("/shorten", "url")])
def test_a_taken_code_is_a_conflict(api, path, member):
    url = new_url(api, short_code=unique())
    reply = api.post(path, {member: some_target(), "short_code": url["short_code"]})
    assert reply.status == 409
    assert types_of(api, url) == ["created"]
    assert follow(api, url).headers["Location"] == url["original_url"]


@pytest.mark.parametrize("code", RESERVED)
@pytest.mark.parametrize("path,member", [("/urls", "original_url"), ("/shorten", "url")])
def test_reserved_names_are_refused(api, path, member, code):
    assert pointers(api.post(path, {member: some_target(), "short_code": code})) == {"/short_code"}


@pytest.mark.parametrize(
    "code",
    [
        "",
        "ab",
        "a" * 65,
        "a" * 20000,
        "a b",
        "a/b",
        "a.b",
        "..",
        "...",
        "a%62c",
        "ünï",
        "abc\n",
        "ab\u0000c",
        "ab\ud800",
        "<b>",
        "a?b",
        "a#b",
        "a+b",
    ],
)
def test_bad_codes_are_refused(api, code):
    assert pointers(api.post("/urls", {"original_url": some_target(), "short_code": code})) == {"/short_code"}


def test_a_deleted_urls_code_is_free_at_once(api):
    code = unique("again")
    for _ in range(3):
        url = new_url(api, short_code=code)
        assert {follow(api, url).headers["Location"] for _ in range(6)} == {url["original_url"]}
        assert api.delete(f"/urls/{url['id']}").status == 204
        assert {follow(api, url).status for _ in range(6)} == {404}


def test_a_code_that_was_unknown_is_known_once_it_is_made(api):
    code = unique("soon")
    assert {api.get(f"/{code}").status for _ in range(8)} == {404}
    url = new_url(api, short_code=code)
    assert {follow(api, url).status for _ in range(12)} == {302}

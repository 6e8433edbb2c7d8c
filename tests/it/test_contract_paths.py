"""Paths: decoded exactly once, never twice, and never into a file."""

import pytest

from records import new_url, unique

TRICKS = [
    "/%00", "/abc%00", "/%2F", "/%2f%2f", "/urls%2F1", "/%252F", "/%25", "/%", "/%z", "/%2", "/abc%",
    "/%c0%af", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%ff", "/%ed%a0%80", "/..", "/../", "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e%2fetc%2fpasswd", "/..%2f", "/.%2e/", "/urls/..",
    "/urls/../users/x", "/./zz", "/.", "/...", "/%0d%0aSet-Cookie:%20a=b", "/%0a", "/%09", "/%20", "/a%20b",
    "/;x", "/a;b=c", "/a%3fb", "/a%23b", "/a&b", "/a+b", "/*", "/~", "/%7f", "/%e2%80%ae", "/\\..\\",
    "/%5c..%5c", "//", "///", "//etc/passwd", "/urls//1", "//urls", "/.htaccess", "/.%2fenv",
    "/%2egit/config", "/www/../x", "/stats/%00", "/stats/%2e%2e", "/stats/%252e", "/urls/%00/redirect",
    "/urls/%2e%2e/redirect", "/urls/%2F/redirect", "/urls/%ff/redirect", "/users/%31%00", "/users/%00",
    "/events/%c0%b1", "/urls/1%00", "/" + "a" * 4000, "/" + "%61" * 1300, "/" + "/a" * 1000,
    "/?" + "a=b&" * 500, "/stats/" + "x" * 2000,
]  # fmt: skip
BAD_IDS = [
    "0", "-1", "+1", "1.0", "1e3", "0x1", "%201", "1%20", "%2B1", "1,000", "x", "null", "true", "[1]", "١",
    "%D9%A1", "1%0A", "9" * 19, "9" * 41, "9" * 4000, str(2**63), str(2**64 + 1),
]  # fmt: skip


@pytest.mark.parametrize("target", TRICKS, ids=range(len(TRICKS)))
def test_tricks_with_paths_find_nothing(api, target):
    for method in ("GET", "HEAD"):
        assert api.send(method, target, described=False).status in (400, 404), target
    assert api.send(
        "POST", target, b"{}", [("Content-Type", "application/json")], described=False
    ).status in (400, 404, 405)


@pytest.mark.parametrize("path", ["/users", "/urls", "/events"])
def test_an_id_that_is_none_is_404(api, path):
    for bad in BAD_IDS:
        assert api.get(f"{path}/{bad}").status == 404, bad


def test_ids_beyond_the_range_are_404_for_every_method(api):
    for bad in ("9" * 41, str(2**63), "0", "x"):
        for path in ("/users", "/urls"):
            assert api.put(f"{path}/{bad}", {}).status == 404
            assert api.delete(f"{path}/{bad}").status == 404


def test_a_code_is_decoded_exactly_once(api):
    url = new_url(api, short_code=unique("once"))
    code = url["short_code"]
    once = "".join(f"%{ord(c):02X}" for c in code)
    twice = once.replace("%", "%25")
    for form, status in (
        (once, 302),
        (once.lower(), 302),
        (twice, 404),
        (code + "%20", 404),
    ):
        for target in (f"/{form}", f"/urls/{form}/redirect"):
            assert api.send("GET", target, described=False).status == status, target
        assert api.send("GET", f"/stats/{form}", described=False).status == (200 if status == 302 else 404)


def test_text_of_a_path_is_decoded_too(api):
    assert api.get("/%68ealth").status == 200
    assert api.get("/u%73ers?per_page=1").status == 200


def test_a_trailing_slash_is_another_path(api):
    url = new_url(api)
    for target in (f"/{url['short_code']}/", f"/urls/{url['id']}/", "/urls/", f"/stats/{url['short_code']}/"):
        assert api.get(target).status == 404


def test_a_query_after_a_code_changes_nothing(api):
    url = new_url(api)
    for query in ("?", "?a=b", "?%00", "?%zz", "?" + "x" * 3000, "?a=http://evil.example/"):
        assert api.get(f"/{url['short_code']}{query}").headers["Location"] == url["original_url"]


def test_a_target_in_absolute_form_is_taken(api):
    assert api.send("GET", f"http://{api.host}:{api.port}/health", described=False).status == 200

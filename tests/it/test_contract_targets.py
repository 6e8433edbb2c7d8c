"""What may be a target, and that Location is it, byte for byte."""

import pytest

from records import edit_url, follow, new_url, unique
from wire import pointers

ASCII = [
    "http://example.com",
    "http://example.com/",
    "HTTP://EXAMPLE.com/%7Euser/%7euser?a=b&c=d&&=#frag",
    "https://example.com:8443/a/../b/./c//d",
    "http://example.com:80/",
    "https://example.com:/",
    "http://example.com?query=only",
    "http://example.com#fragment",
    "http://example.com./trailing.dot",
    "http://example.com/%20%09%0A%00%7F?%0d%0a",
    "http://example.com/a;b,c'(d)*!$&=+@:~_-./?/?#/?",
    'http://example.com/"<>{|}^`',
    "http://example.com/%zz/%",
    "http://example.com/?u=http://user:pw@example.org/",
    "http://[2001:db8::1]:9/x",
    "http://192.0.2.1/x",
    "http://xn--bcher-kva.example/",
]
ENCODED = {
    "http://example.com/ä?ö=ü#ß": "http://example.com/%C3%A4?%C3%B6=%C3%BC#%C3%9F",
    "http://example.com/%C3%A4ä%2F": "http://example.com/%C3%A4%C3%A4%2F",
    "http://bücher.example/x": "http://xn--bcher-kva.example/x",
    "http://bücher.example:8080/?q=🙂": "http://xn--bcher-kva.example:8080/?q=%F0%9F%99%82",
    "https://例え.テスト/パス": "https://xn--r8jz45g.xn--zckzah/%E3%83%91%E3%82%B9",
}
REFUSED = [
    "", " ", "example.com", "/path", "//example.com/", "http:", "http:/example.com", "http:///example.com",
    "http:////example.com", "http:example.com", "http://", "http:///", "http://?q", "http://#f",
    "http://:80/", "http:\\\\example.com", "ftp://example.com/", "javascript:alert(1)", "data:text/html,x",
    "file:///etc/passwd", "mailto:a@example.com", "gopher://x/", "https//example.com", "://example.com",
    "httpx://example.com/", "http://user@example.com/", "http://user:pw@example.com/",
    "http://@example.com/", "http://:@example.com/", "http://a%40b@example.com/", " http://example.com/",
    "http://example.com/ ", "http://exa mple.com/", "http://example.com/a b", "\nhttp://example.com/",
    "http://example.com/\t", "http://example.com/\r\nSet-Cookie: a=b", "http://example.com/\u007f",
    "http://example.com/\u0000", "http://example.com\\@example.org/",
    "http://example.com:99999/", "http://example.com:x/", "http://[::1/", "http://example.com/\ud800",
    "http://\ud800/", "http://ex\u0000ample.com/", "http://exa\u00admple.com\u0000/",
]  # fmt: skip


@pytest.mark.parametrize("target", ASCII)
def test_location_is_the_target_byte_for_byte(api, target):
    url = new_url(api, original_url=target)
    assert url["original_url"] == target
    assert follow(api, url).headers["Location"] == target
    assert api.get(f"/urls/{url['short_code']}/redirect").headers["Location"] == target


@pytest.mark.parametrize("target", ENCODED)
def test_what_is_not_ascii_is_encoded_in_location_alone(api, target):
    url = new_url(api, original_url=target)
    assert url["original_url"] == target
    assert api.get(f"/urls/{url['id']}").json()["original_url"] == target
    assert follow(api, url).headers["Location"] == ENCODED[target]
    assert edit_url(api, new_url(api), original_url=target)["original_url"] == target


@pytest.mark.parametrize("target", REFUSED)
def test_bad_targets_are_refused_wherever_one_can_be_set(api, target):
    assert pointers(api.post("/urls", {"original_url": target})) == {"/original_url"}
    assert pointers(api.post("/shorten", {"url": target})) == {"/url"}
    url = new_url(api)
    assert pointers(api.put(f"/urls/{url['id']}", {"original_url": target})) == {"/original_url"}
    assert follow(api, url).headers["Location"] == url["original_url"]


def test_a_target_has_at_most_2048_characters_when_encoded(api):
    def target(length):
        start = f"https://example.com/{unique()}/"
        return start + "x" * (length - len(start))

    assert follow(api, new_url(api, original_url=target(2048))).headers["Location"].endswith("x")
    assert pointers(api.post("/urls", {"original_url": target(2049)})) == {"/original_url"}
    assert pointers(api.post("/urls", {"original_url": target(20000)})) == {"/original_url"}
    assert pointers(api.post("/urls", {"original_url": target(1500) + "ä" * 150})) == {"/original_url"}
    assert new_url(api, original_url=target(1500) + "ä" * 90)["original_url"].endswith("ä")


def test_targets_on_this_service_would_be_loops(api):
    base = new_url(api)["short_url"].rsplit("/", 1)[0]
    own = {
        base,
        base + "/",
        base + "/abc?x",
        base.upper() + "/",
        f"http://{api.host}:{api.port}/x",
        f"http://127.1:{api.port}/",
    }
    for target in own:
        assert pointers(api.post("/urls", {"original_url": target})) == {"/original_url"}, target
        assert pointers(api.post("/shorten", {"url": target})) == {"/url"}, target
        assert pointers(api.put(f"/urls/{new_url(api)['id']}", {"original_url": target})) == {
            "/original_url"
        }, target


@pytest.mark.parametrize(
    "target",
    [
        "http://a..b/",
        "http://" + "a" * 300 + ".example/",
        "http://" + "é" * 200 + "/",
        "http://\u200d/",
        "http://\u0085/",
        "http://example.com/\u0085\u2028\ufeff\ufffe",
    ],
)
def test_odd_hosts_and_characters_are_no_crash(api, target):
    reply = api.post("/urls", {"original_url": target})
    assert reply.status in (201, 422)
    if reply.status == 201:
        assert follow(api, reply.json()).headers["Location"].isascii()

"""Figures of a url: totals and the last click."""

from records import edit_url, events_of, follow, new_url, unique

PERSON = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
ROBOT = ("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")


def stats(api, url):
    reply = api.get(f"/stats/{url['short_code']}")
    assert reply.status == 200, reply
    return reply.json()


def test_a_new_url_has_no_clicks(api):
    url = new_url(api)
    zero = {"all": 0, "humans": 0, "bots": 0, "unique": 0}
    assert stats(api, url) == {
        "short_code": url["short_code"],
        "url_id": url["id"],
        "totals": zero,
        "last_click": None,
    }


def test_visits_are_counted_at_once(api):
    url = new_url(api)
    for n in range(1, 4):
        assert api.get(f"/{url['short_code']}", [PERSON]).status == 302
        assert stats(api, url)["totals"] == {"all": n, "humans": n, "bots": 0, "unique": 1}
    assert stats(api, url)["last_click"] == events_of(api, url, "click")[-1]["timestamp"]


def test_humans_and_bots_are_all(api):
    url = new_url(api)
    for agent in (PERSON, ROBOT, ROBOT):
        api.get(f"/urls/{url['short_code']}/redirect", [agent])
    totals = stats(api, url)["totals"]
    assert (totals["all"], totals["humans"], totals["bots"]) == (3, 1, 2)


def test_unique_counts_visitors(api):
    url = new_url(api)
    for address in ("198.51.100.1", "198.51.100.2", "2001:db8::3", "198.51.100.1"):
        api.get(f"/{url['short_code']}", [PERSON, ("X-Forwarded-For", address)])
    assert stats(api, url)["totals"] == {"all": 4, "humans": 4, "bots": 0, "unique": 3}


def test_posted_clicks_and_heads_and_refused_visits_do_not_count(api):
    url = new_url(api)
    api.post("/events", {"event_type": "click", "url_id": url["id"]})
    api.send("HEAD", f"/{url['short_code']}")
    edit_url(api, url, is_active=False)
    follow(api, url, 2)
    assert stats(api, url)["totals"]["all"] == 0 and stats(api, url)["last_click"] is None
    assert len(events_of(api, url, "click")) == 1


def test_a_code_made_again_begins_at_zero(api):
    code = unique("zero")
    url = new_url(api, short_code=code)
    follow(api, url, 2)
    assert stats(api, url)["totals"]["all"] == 2
    api.delete(f"/urls/{url['id']}")
    assert stats(api, new_url(api, short_code=code))["totals"]["all"] == 0


def test_unknown_codes_are_404(api):
    for code in (unique(), "x", "x" * 65, "a.b", "%20"):
        assert api.get(f"/stats/{code}").status == 404

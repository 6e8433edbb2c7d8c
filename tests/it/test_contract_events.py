"""Events: what the service writes, what clients post, and that nothing changes."""

import json

import pytest

from records import edit_url, events_of, follow, new_url, new_user, some_target, types_of, unique
from wire import pointers


def post(api, url, **members):
    reply = api.post("/events", {"event_type": unique("kind"), "url_id": url["id"], **members})
    assert reply.status == 201, reply
    return reply


@pytest.mark.parametrize("path", ["/urls", "/shorten"])
def test_creation_leaves_one_event(api, path):
    user, target = new_user(api), some_target('/ä?x="<>')
    member = "url" if path == "/shorten" else "original_url"
    url = api.post(path, {member: target, "user_id": user["id"], "title": "t"}).json()
    (event,) = events_of(api, url)
    assert (event["event_type"], event["url_id"], event["user_id"]) == ("created", url["id"], user["id"])
    assert event["details"] == {"short_code": url["short_code"], "original_url": target}
    assert event in api.get(f"/events?user_id={user['id']}").json()


@pytest.mark.parametrize(
    "member,new",
    [("title", "new"), ("title", None), ("is_active", False), ("original_url", "https://example.org/new")],
)
def test_a_change_of_one_member_names_it_twice(api, member, new):
    user = new_user(api)
    url = new_url(api, user_id=user["id"], title="old")
    edit_url(api, url, **{member: new})
    (event,) = events_of(api, url, "updated")
    assert (event["url_id"], event["user_id"]) == (url["id"], user["id"])
    assert event["details"] == {
        "changes": {member: {"old": url[member], "new": new}},
        "field": member,
        "new_value": new,
    }


def test_a_change_of_several_members_lists_those_that_differ(api):
    url = new_url(api, title="old")
    edit_url(api, url, title="new", is_active=False, original_url=url["original_url"])
    (event,) = events_of(api, url, "updated")
    assert event["details"] == {
        "changes": {"title": {"old": "old", "new": "new"}, "is_active": {"old": True, "new": False}}
    }


def test_deletion_leaves_an_event_with_a_reason(api):
    user = new_user(api)
    url = new_url(api, user_id=user["id"])
    api.delete(f"/urls/{url['id']}")
    (event,) = events_of(api, url, "deleted")
    assert (event["url_id"], event["user_id"], list(event["details"])) == (url["id"], user["id"], ["reason"])
    assert isinstance(event["details"]["reason"], str) and event["details"]["reason"]


def test_times_tell_the_order_of_what_happened(api):
    url = new_url(api)
    follow(api, url, 2)
    edit_url(api, url, title="x")
    follow(api, url)
    edit_url(api, url, is_active=False)
    api.delete(f"/urls/{url['id']}")
    events = sorted(events_of(api, url), key=lambda event: event["timestamp"].rstrip("Z").ljust(26, "0"))
    assert [event["event_type"] for event in events] == [
        "created", "click", "click", "updated", "click", "updated", "deleted",
    ]  # fmt: skip


def test_refused_requests_write_nothing(api):
    url, other = new_url(api), new_url(api)
    target = f"/urls/{url['id']}"
    assert api.put(target, {"title": 5}).status == 422
    assert api.put(target, {"title": "ok", "original_url": "nope"}).status == 422
    assert api.send("PUT", target, b"{", [("Content-Type", "application/json")]).status == 400
    assert api.send("PUT", target, b'{"title":"x"}', [("Content-Type", "text/plain")]).status == 415
    assert api.put(target, {"title": "x"}, [("If-Match", '"0"')]).status == 412
    assert api.delete(target, [("If-Match", '"0"')]).status == 412
    assert api.post("/urls", {"original_url": some_target(), "short_code": other["short_code"]}).status == 409
    assert api.post("/events", {"event_type": " ", "url_id": url["id"]}).status == 422
    assert types_of(api, url) == types_of(api, other) == ["created"]
    assert api.get(target).json() == url


def test_a_posted_event_stands_at_its_location(api):
    user = new_user(api)
    url = new_url(api)
    details = {"a": [1, 2.5, None, True, {"b": "ä\t🙂"}], "": {}, "big": 2**53}
    reply = post(api, url, user_id=user["id"], details=details)
    event = reply.json()
    assert (event["url_id"], event["user_id"], event["details"]) == (url["id"], user["id"], details)
    assert api.get(reply.location).json() == event == api.get(f"/events/{event['id']}").json()
    assert event in events_of(api, url)


def test_details_and_user_are_optional(api):
    event = post(api, new_url(api)).json()
    assert (event["user_id"], event["details"]) == (None, {})
    assert post(api, new_url(api), user_id=None).json()["user_id"] is None


@pytest.mark.parametrize(
    "kind", ["click", "created", "deleted", "x", "a b", "日本", "x" * 64, "🙂" * 64, "<b>"]
)
def test_any_text_is_a_type(api, kind):
    url = new_url(api)
    assert post(api, url, event_type=kind).json()["event_type"] == kind
    assert kind in types_of(api, url)


@pytest.mark.parametrize("kind", ["", " ", "\t\n ", "\u3000", "x" * 65, "x" * 20000, "a\u0000", "\ud800"])
def test_bad_types_are_refused(api, kind):
    url = new_url(api)
    assert pointers(api.post("/events", {"event_type": kind, "url_id": url["id"]})) == {"/event_type"}


def test_inactive_urls_take_events_too(api):
    url = edit_url(api, new_url(api), is_active=False)
    assert post(api, url).status == 201


def test_missing_members_are_named(api):
    assert pointers(api.post("/events", {})) == {"/event_type", "/url_id"}


def test_unknown_records_are_404(api):
    url, gone = new_url(api), new_url(api)
    api.delete(f"/urls/{gone['id']}")
    for members in (
        {"url_id": 999999999999},
        {"url_id": 2**63 - 1},
        {"url_id": gone["id"]},
        {"user_id": 999999999999},
    ):
        assert api.post("/events", {"event_type": "x", "url_id": url["id"], **members}).status == 404
    assert types_of(api, url) == ["created"]


def test_details_have_a_size(api):
    url = new_url(api)
    assert post(api, url, details={"x": "y" * (64 * 1024 - 100)}).status == 201
    assert pointers(
        api.post("/events", {"event_type": "x", "url_id": url["id"], "details": {"x": "y" * 64 * 1024}})
    ) == {"/details"}


@pytest.mark.parametrize("details", [{"a": "\u0000"}, {"\u0000": 1}, {"a": ["\ud800"]}, {"\udfff": 1}])
def test_details_that_can_not_be_kept_are_refused(api, details):
    url = new_url(api)
    assert pointers(api.post("/events", {"event_type": "x", "url_id": url["id"], "details": details})) == {
        "/details"
    }


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "-1e400",
        "1" * 400,
        "1e-400",
        "0." + "1" * 400,
        '"\\ud83d\\ude42"',
        "[" * 28 + "]" * 28,
        '{"a":1,"a":2}',
    ],
)
def test_odd_details_are_no_crash(api, text):
    url = new_url(api)
    body = f'{{"event_type":"x","url_id":{url["id"]},"details":{{"v":{text}}}}}'.encode()
    reply = api.send("POST", "/events", body, [("Content-Type", "application/json")])
    assert reply.status in (201, 422)
    if reply.status == 201:
        assert api.get(reply.location).json() == json.loads(json.dumps(reply.json()))


def test_it_is_an_audit_trail(api):
    event = post(api, new_url(api)).json()
    for method in ("PUT", "PATCH", "DELETE"):
        assert api.with_json(method, f"/events/{event['id']}", {}).status == 405
        assert api.with_json(method, "/events", {}).status == 405
    assert api.get(f"/events/{event['id']}").json() == event
    assert api.get("/events/999999999999").status == 404

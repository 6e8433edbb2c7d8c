"""Bulk imports: what each kind of row means."""

import json

import pytest

from imports import check, table
from records import events_of, follow, new_url, new_user, some_target, types_of, unique


def one(api, path, **filters):
    """All records of a list that match, from its end."""
    found, target = [], f"{path}?per_page=200&after=0"
    while target:
        reply = api.get(target)
        found += [row for row in reply.json() if all(row[k] == v for k, v in filters.items())]
        target = reply.links().get("next")
    (record,) = found
    return record


def users_row(**members):
    name = unique("row")
    return {"username": name, "email": f"{name}@example.com", **members}


def urls_row(**members):
    return {"short_code": unique("row"), "original_url": some_target(), **members}


@pytest.mark.parametrize(
    "sent,kept",
    [
        ("2025-07-13 12:40:57", "2025-07-13T12:40:57Z"),
        ("2025-07-13T12:40:57", "2025-07-13T12:40:57Z"),
        ("2025-07-13T12:40:57Z", "2025-07-13T12:40:57Z"),
    ]
    + [
        ("2025-07-13T14:40:57+02:00", "2025-07-13T12:40:57Z"),
        ("2025-07-13 12:40:57.25", "2025-07-13T12:40:57.25Z"),
    ],
)
def test_times_are_kept_and_are_utc_without_a_zone(api, sent, kept):
    user = users_row(created_at=sent)
    check(api.csv("/users/bulk", table([user])), imported=1)
    created = one(api, "/users", username=user["username"])["created_at"]
    assert created.rstrip("0Z").rstrip(".") == kept.rstrip("0Z").rstrip(".")
    url = urls_row(created_at=sent)
    check(api.csv("/urls/bulk", table([url])), imported=1)
    assert one(api, "/urls", short_code=url["short_code"])["created_at"][:19] == kept[:19]


def test_a_time_that_is_none_skips_the_row(api):
    for text in ("yesterday", "2025-02-30 00:00:00", "2025-13-01", "1", "2025-07-13 25:00:00"):
        check(api.csv("/users/bulk", table([users_row(created_at=text)])), skipped=1)
        check(api.csv("/urls/bulk", table([urls_row(created_at=text)])), skipped=1)


def test_a_repeated_username_updates_the_user(api):
    user, email = new_user(api), f"{unique()}@example.com"
    check(api.csv("/users/bulk", table([{"username": user["username"], "email": email}])), updated=1)
    assert api.get(f"/users/{user['id']}").json() == {**user, "email": email}


def test_a_repeat_within_the_file_is_an_update(api):
    first = users_row()
    second = {**first, "email": f"{unique()}@example.com"}
    check(api.csv("/users/bulk", table([first, users_row(), second, first])), imported=2, updated=2)
    assert one(api, "/users", username=first["username"])["email"] == first["email"]


def test_an_email_of_another_user_skips_the_row(api):
    user, first = new_user(api), users_row()
    errors = check(
        api.csv(
            "/users/bulk", table([users_row(email=user["email"]), first, users_row(email=first["email"])])
        ),
        imported=1,
        skipped=2,
    )
    assert set(errors) == {1, 3}


@pytest.mark.parametrize(
    "members",
    [
        {"username": ""},
        {"email": ""},
        {"username": " "},
        {"email": "x"},
        {"username": "x" * 65},
        {"email": "a@b"},
    ],
)
def test_bad_users_are_skipped(api, members):
    assert set(
        check(api.csv("/users/bulk", table([users_row(**members), users_row()])), imported=1, skipped=1)
    ) == {1}


def test_urls_come_in_whole(api):
    user = new_user(api)
    row = urls_row(
        user_id=user["id"],
        title='a "b", c\nd é',
        is_active="False",
        created_at="2025-12-29 00:57:12",
        updated_at="2026-01-21 06:47:26",
    )
    check(api.csv("/urls/bulk", table([row])), imported=1)
    (url,) = api.get(f"/urls?user_id={user['id']}").json()
    assert (url["short_code"], url["original_url"], url["title"], url["is_active"]) == (
        row["short_code"],
        row["original_url"],
        row["title"],
        False,
    )
    assert (url["created_at"], url["updated_at"]) == ("2025-12-29T00:57:12Z", "2026-01-21T06:47:26Z")
    assert follow(api, url).status == 404
    assert api.put(f"/urls/{url['id']}", {"is_active": True}).status == 200
    assert follow(api, url).headers["Location"] == row["original_url"]


def test_what_a_url_lacks_has_its_default(api):
    row = urls_row(title="", user_id="", is_active="")
    check(api.csv("/urls/bulk", table([row])), imported=1)
    url = one(api, "/urls", short_code=row["short_code"])
    assert (url["title"], url["user_id"], url["is_active"]) == (None, None, True)
    assert follow(api, url).status == 302


@pytest.mark.parametrize(
    "text,active",
    [("True", True), ("true", True), ("1", True), ("False", False), ("false", False), ("0", False)],
)
def test_forms_of_a_boolean(api, text, active):
    row = urls_row(is_active=text)
    check(api.csv("/urls/bulk", table([row])), imported=1)
    assert api.get(f"/{row['short_code']}").status == (302 if active else 404)


def test_a_repeated_short_code_updates_the_url_and_its_redirect_at_once(api):
    url, row = new_url(api, short_code=unique()), urls_row(title="imported")
    assert follow(api, url, 3).headers["Location"] == url["original_url"]
    check(api.csv("/urls/bulk", table([{**row, "short_code": url["short_code"]}])), updated=1)
    now = api.get(f"/urls/{url['id']}").json()
    assert (now["original_url"], now["title"], now["created_at"]) == (
        row["original_url"],
        "imported",
        url["created_at"],
    )
    assert now["version"] > url["version"]
    assert {follow(api, url).headers["Location"] for _ in range(12)} == {row["original_url"]}


def test_a_code_that_was_unknown_is_known_once_it_is_imported(api):
    row = urls_row()
    assert {api.get(f"/{row['short_code']}").status for _ in range(6)} == {404}
    check(api.csv("/urls/bulk", table([row])), imported=1)
    assert {api.get(f"/{row['short_code']}").status for _ in range(12)} == {302}


@pytest.mark.parametrize(
    "members",
    [
        {"original_url": u}
        for u in (
            "",
            "x",
            "ftp://example.com/",
            "http:///x",
            "http://u@example.com/",
            "http://a b/",
            "javascript:alert(1)",
        )
    ]
    + [{"short_code": c} for c in ("", "ab", "users", "a b", "a/b", "é" * 5, "x" * 65)]
    + [{"is_active": "maybe"}, {"user_id": "x"}, {"user_id": "999999999999"}, {"title": "x" * 501}],
)
def test_bad_urls_are_skipped(api, members):
    good = urls_row(**{name: "" for name in members if name not in ("original_url", "short_code")})
    errors = check(api.csv("/urls/bulk", table([urls_row(**members), good])), imported=1, skipped=1)
    assert set(errors) == {1}


def test_targets_on_this_service_are_skipped(api):
    base = new_url(api)["short_url"]
    check(api.csv("/urls/bulk", table([urls_row(original_url=base)])), skipped=1)


def test_events_come_in_whole(api):
    user = new_user(api)
    url = new_url(api)
    details = {"short_code": 'a"b', "n": [1, None], "é": "\t"}
    row = {
        "url_id": url["id"],
        "user_id": user["id"],
        "event_type": "imported",
        "timestamp": "2025-05-08 08:27:51",
        "details": json.dumps(details),
    }
    check(api.csv("/events/bulk", table([row])), imported=1)
    (event,) = events_of(api, url, "imported")
    assert (event["url_id"], event["user_id"], event["details"]) == (url["id"], user["id"], details)
    assert event["timestamp"] == "2025-05-08T08:27:51Z"
    assert api.get(f"/events/{event['id']}").json() == event
    assert event in api.get(f"/events?user_id={user['id']}").json()


def test_what_an_event_lacks_has_its_default(api):
    url = new_url(api)
    check(
        api.csv(
            "/events/bulk", table([{"url_id": url["id"], "event_type": "bare", "user_id": "", "details": ""}])
        ),
        imported=1,
    )
    (event,) = events_of(api, url, "bare")
    assert (event["user_id"], event["details"]) == (None, {})


@pytest.mark.parametrize(
    "members",
    [{"url_id": x} for x in ("", "x", "999999999999", "0", "1.5")]
    + [{"event_type": x} for x in ("", " ", "x" * 65)]
    + [{"user_id": "999999999999"}, {"user_id": "x"}, {"timestamp": "x"}]
    + [
        {"details": x}
        for x in ("x", "[]", "5", "{", '{"a":NaN}', '{"a":"\\u0000"}', '{"a":"' + "x" * 65536 + '"}')
    ],
)
def test_bad_events_are_skipped(api, members):
    good = {
        "url_id": new_url(api)["id"],
        "event_type": "fine",
        **{name: "" for name in members if name not in ("url_id", "event_type")},
    }
    errors = check(api.csv("/events/bulk", table([{**good, **members}, good])), imported=1, skipped=1)
    assert set(errors) == {1}


def test_imported_clicks_do_not_count(api):
    url = new_url(api)
    check(api.csv("/events/bulk", table([{"url_id": url["id"], "event_type": "click"}])), imported=1)
    assert api.get(f"/stats/{url['short_code']}").json()["totals"]["all"] == 0
    assert types_of(api, url) == ["created", "click"]

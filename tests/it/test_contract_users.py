"""Users: create, read, change, delete."""

import pytest

from records import events_of, new_url, new_user, types_of, unique
from wire import pointers


def test_a_new_user_is_answered_and_stands_at_its_location(api):
    name = unique("ada")
    reply = api.post("/users", {"username": name, "email": f"{name}@example.com"})
    assert reply.status == 201
    user = reply.json()
    assert (user["username"], user["email"]) == (name, f"{name}@example.com")
    assert api.get(reply.location).json() == user
    assert api.get(f"/users/{user['id']}").json() == user


def test_members_of_the_server_and_unknown_ones_are_ignored(api):
    name = unique("bob")
    sent = {
        "username": name,
        "email": f"{name}@example.com",
        "id": 1,
        "created_at": "1999-01-01T00:00:00Z",
        "x": [None],
    }
    user = api.post("/users", sent).json()
    assert user["id"] != 1 and not user["created_at"].startswith("1999")
    changed = api.put(f"/users/{user['id']}", {"id": 5, "created_at": "1999-01-01T00:00:00Z", "y": 1}).json()
    assert changed == user


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_any_subset_can_be_changed(api, method):
    user = new_user(api)
    target = f"/users/{user['id']}"
    name = unique("renamed")
    assert api.with_json(method, target, {"username": name}).json() == {**user, "username": name}
    email = f"{name}@example.org"
    assert api.with_json(method, target, {"email": email}).json() == {
        **user,
        "username": name,
        "email": email,
    }
    assert api.with_json(method, target, {}).json()["email"] == email
    assert api.get(target).json() == {**user, "username": name, "email": email}


def test_a_taken_username_or_email_is_a_conflict(api):
    user, other = new_user(api), new_user(api)
    fresh = unique("fresh")
    assert api.post("/users", {"username": user["username"], "email": f"{fresh}@example.com"}).status == 409
    assert api.post("/users", {"username": fresh, "email": user["email"]}).status == 409
    assert api.put(f"/users/{other['id']}", {"username": user["username"]}).status == 409
    assert api.put(f"/users/{other['id']}", {"email": user["email"]}).status == 409
    assert api.with_json("PATCH", f"/users/{other['id']}", {"email": user["email"]}).status == 409
    assert api.get(f"/users/{other['id']}").json() == other
    same = {"username": user["username"], "email": user["email"]}
    assert api.put(f"/users/{user['id']}", same).status == 200


def test_missing_members_are_named(api):
    assert pointers(api.post("/users", {})) == {"/username", "/email"}
    assert pointers(api.post("/users", {"username": unique()})) == {"/email"}


@pytest.mark.parametrize(
    "username", ["", " ", "\t\n", "\u00a0\u2003", "x" * 65, "x" * 20000, "a\u0000b", "\ud800", "a\udfff"]
)
def test_bad_usernames_are_refused(api, username):
    assert pointers(api.post("/users", {"username": username, "email": f"{unique()}@example.com"})) == {
        "/username"
    }


@pytest.mark.parametrize(
    "username", ["x", "Zoë 日本 🙂", '"><script>alert(1)</script>', "o'; drop table users; --", "x" * 54]
)
def test_odd_usernames_are_kept_exactly(api, username):
    name = f"{username}{unique()[-9:]}"[-64:]
    user = api.post("/users", {"username": name, "email": f"{unique()}@example.com"}).json()
    assert user["username"] == name
    assert api.get(f"/users/{user['id']}").json()["username"] == name


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "plain",
        "@example.com",
        "a@",
        "a@b",
        "a@@b.example",
        "a b@example.com",
        "a@exa mple.com",
        "a@b.example\n",
    ]
    + [
        "a@example.",
        "a@.example",
        "a\u0000@example.com",
        "a\ud800@example.com",
        "a" * 243 + "@example.com",
        "a" * 20000 + "@b.example",
    ],
)
def test_bad_emails_are_refused(api, email):
    assert pointers(api.post("/users", {"username": unique(), "email": email})) == {"/email"}


def test_the_longest_email_fits(api):
    local = unique("long")
    email = local + "x" * (254 - len(local) - 12) + "@example.com"
    assert api.post("/users", {"username": unique(), "email": email}).json()["email"] == email


def test_a_deleted_user_is_gone(api):
    user = new_user(api)
    target = f"/users/{user['id']}"
    assert api.delete(target).status == 204
    assert api.get(target).status == 404
    assert api.delete(target).status == 404
    for method in ("PUT", "PATCH"):
        assert api.with_json(method, target, {"username": unique()}).status == 404
    assert api.post("/urls", {"original_url": "https://example.com/", "user_id": user["id"]}).status == 404
    again = {"username": user["username"], "email": user["email"]}
    assert api.post("/users", again).status == 201


def test_what_a_deleted_user_owned_stays_without_an_owner(api):
    user = new_user(api)
    url = new_url(api, user_id=user["id"])
    assert api.get(f"/{url['short_code']}").status == 302
    assert {e["user_id"] for e in events_of(api, url)} == {user["id"]}
    assert api.delete(f"/users/{user['id']}").status == 204
    for _ in range(8):
        assert api.get(f"/urls/{url['id']}").json()["user_id"] is None
        assert api.get(f"/urls?user_id={user['id']}").json() == []
        assert api.get(f"/events?user_id={user['id']}").json() == []
    assert types_of(api, url) == ["created", "click"]
    assert {e["user_id"] for e in events_of(api, url)} == {None}
    for event in events_of(api, url):
        assert api.get(f"/events/{event['id']}").json()["user_id"] is None
    assert api.get(f"/{url['short_code']}").status == 302
    assert events_of(api, url, "click")[-1]["user_id"] is None

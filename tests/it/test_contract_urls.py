"""Urls: create, read, change, delete; versions and preconditions."""

import pytest

from records import edit_url, events_of, follow, new_url, new_user, some_target, types_of, unique
from wire import pointers


def test_a_new_url_is_answered_and_stands_at_its_location(api):
    user = new_user(api)
    target = some_target()
    reply = api.post("/urls", {"original_url": target, "user_id": user["id"], "title": "Hello"})
    assert reply.status == 201
    url = reply.json()
    assert (url["original_url"], url["user_id"], url["title"], url["is_active"]) == (
        target,
        user["id"],
        "Hello",
        True,
    )
    assert url["short_url"].endswith("/" + url["short_code"])
    assert reply.headers["ETag"] == f'"{url["version"]}"'
    assert api.get(reply.location).json() == url


def test_what_is_left_out_or_null_is_absent(api):
    url = new_url(api)
    assert (url["user_id"], url["title"]) == (None, None)
    url = new_url(api, user_id=None, title=None, short_code=None)
    assert (url["user_id"], url["title"]) == (None, None)


def test_members_of_the_server_and_unknown_ones_are_ignored(api):
    url = new_url(
        api,
        id=1,
        version=7,
        created_at="1999-01-01T00:00:00Z",
        short_url="http://x/",
        is_active=True,
        zzz={"a": []},
    )
    assert url["id"] != 1 and not url["created_at"].startswith("1999")
    user = new_user(api)
    sent = {
        "short_code": unique(),
        "created_at": "1999-01-01T00:00:00Z",
        "id": 5,
        "version": 1,
        "user_id": user["id"],
    }
    assert edit_url(api, url, **sent) == url


@pytest.mark.parametrize("path", ["/urls", "/shorten"])
def test_each_post_makes_a_new_record(api, path):
    member = "url" if path == "/shorten" else "original_url"
    user, target = new_user(api), some_target()
    made = [api.post(path, {member: target, "user_id": user["id"]}).json() for _ in range(3)]
    assert len({u["id"] for u in made}) == len({u["short_code"] for u in made}) == 3
    assert {u["original_url"] for u in made} == {target}


@pytest.mark.parametrize("path", ["/urls", "/shorten"])
def test_reuse_is_opt_in(api, path):
    member = "url" if path == "/shorten" else "original_url"
    user, target = new_user(api), some_target()
    sent = {member: target, "user_id": user["id"], "find_if_exists": True}
    first = api.post(path, sent)
    assert first.status == 201
    again = api.post(path, sent)
    assert (again.status, again.json()) == (200, first.json())
    assert types_of(api, first.json()) == ["created"]
    assert api.post(path, {**sent, "find_if_exists": False}).json()["id"] != first.json()["id"]
    assert api.post(path, {**sent, "user_id": new_user(api)["id"]}).status == 201


def test_shorten_is_the_short_form(api):
    target = some_target()
    reply = api.post("/shorten", {"url": target, "title": "t", "short_code": unique("c")})
    assert reply.status == 201 and reply.json()["original_url"] == target
    assert api.get(reply.location).json() == reply.json()
    assert pointers(api.post("/shorten", {})) == {"/url"}
    assert pointers(api.post("/shorten", {"original_url": target})) == {"/url"}


@pytest.mark.parametrize("path,member", [("/urls", "original_url"), ("/shorten", "url")])
def test_an_unknown_owner_is_404(api, path, member):
    for user_id in (2**63 - 1, 999_999_999_999):
        assert api.post(path, {member: some_target(), "user_id": user_id}).status == 404


@pytest.mark.parametrize(
    "title",
    ["", "tab\tand\nnewline\r\n", " blanks ", "日本語 ✓ 🙂 \u202e", "<b>&amp;\"'\\", "é" * 500, "🙂" * 500],
)
def test_titles_are_kept_exactly(api, title):
    url = new_url(api, title=title)
    assert url["title"] == title
    assert api.get(f"/urls/{url['id']}").json()["title"] == title
    assert edit_url(api, new_url(api), title=title)["title"] == title


@pytest.mark.parametrize("title", ["x" * 501, "x" * 20000, "a\u0000b", "\ud800", "x\udc00y"])
def test_bad_titles_are_refused(api, title):
    assert pointers(api.post("/urls", {"original_url": some_target(), "title": title})) == {"/title"}
    url = new_url(api)
    assert pointers(api.put(f"/urls/{url['id']}", {"title": title})) == {"/title"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_any_subset_can_be_changed(api, method):
    url = new_url(api, title="old")
    target = some_target()
    for change in (
        {"title": "new"},
        {"is_active": False},
        {"original_url": target},
        {"title": None, "is_active": True},
    ):
        reply = api.with_json(method, f"/urls/{url['id']}", change)
        now = reply.json()
        moved = {"version": now["version"], "updated_at": now["updated_at"]}
        assert now == {**url, **change, **moved}
        assert now["version"] > url["version"] and now["updated_at"] > url["updated_at"]
        assert reply.headers["ETag"] == f'"{now["version"]}"'
        assert api.get(f"/urls/{url['id']}").json() == now
        url = now


def test_a_change_that_changes_nothing_leaves_no_trace(api):
    url = new_url(api, title="same")
    same = {"title": "same", "is_active": True, "original_url": url["original_url"]}
    for change in (same, {}, {"title": "same"}):
        reply = api.put(f"/urls/{url['id']}", change)
        assert (reply.status, reply.json()) == (200, url)
    assert types_of(api, url) == ["created"]


def test_the_last_writer_wins_without_a_precondition(api):
    url = new_url(api)
    edit_url(api, url, title="first")
    assert edit_url(api, url, title="second")["title"] == "second"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_stale_version_fails_the_precondition(api, method):
    url = new_url(api)
    target, etag = f"/urls/{url['id']}", f'"{url["version"]}"'
    now = api.with_json(method, target, {"title": "one"}, [("If-Match", etag)]).json()
    assert api.with_json(method, target, {"title": "two"}, [("If-Match", etag)]).status == 412
    assert api.get(target).json() == now
    assert len(events_of(api, url, "updated")) == 1


@pytest.mark.parametrize("form", ["*", '"{v}"', '"0", "{v}"', '"x" , "{v}","y"'])
def test_a_precondition_that_holds_lets_the_change_pass(api, form):
    url = new_url(api)
    match = form.replace("{v}", str(url["version"]))
    assert api.put(f"/urls/{url['id']}", {"title": "x"}, [("If-Match", match)]).status == 200


@pytest.mark.parametrize(
    "form", ['W/"{v}"', '"0"', '"{v}0"', '"99999999999999999999999"', '"-1"', '"\u00e9"']
)
def test_a_precondition_that_fails_stops_the_change(api, form):
    url = new_url(api)
    match = [("If-Match", form.replace("{v}", str(url["version"])))]
    assert api.put(f"/urls/{url['id']}", {"title": "x"}, match).status == 412
    assert api.delete(f"/urls/{url['id']}", match).status == 412
    assert api.get(f"/urls/{url['id']}").json() == url


@pytest.mark.parametrize("form", ["{v}", '"{v}', "", '"', ",", "x" * 2000])
def test_an_odd_precondition_is_no_crash(api, form):
    url = new_url(api)
    match = [("If-Match", form.replace("{v}", str(url["version"])))]
    assert api.put(f"/urls/{url['id']}", {"title": "x"}, match).status in (200, 412)


def test_a_deleted_url_is_gone_and_its_events_stay(api):
    user = new_user(api)
    url = new_url(api, user_id=user["id"])
    target = f"/urls/{url['id']}"
    assert api.delete(target, [("If-Match", f'"{url["version"]}"')]).status == 204
    assert api.get(target).status == 404
    assert api.delete(target).status == 404
    for method in ("PUT", "PATCH"):
        assert api.with_json(method, target, {"title": "x"}).status == 404
    assert follow(api, url).status == 404
    assert api.get(f"/stats/{url['short_code']}").status == 404
    assert types_of(api, url) == ["created", "deleted"]
    assert url not in api.get(f"/urls?user_id={user['id']}").json()


def test_a_precondition_on_a_missing_record_is_404(api):
    url = new_url(api)
    api.delete(f"/urls/{url['id']}")
    for match in ("*", '"1"'):
        assert api.put(f"/urls/{url['id']}", {"title": "x"}, [("If-Match", match)]).status in (404, 412)

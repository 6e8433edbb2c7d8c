"""Many requests at once."""

from concurrent.futures import ThreadPoolExecutor

from records import events_of, follow, new_url, new_user, some_target, unique


def at_once(calls, workers=25):
    """The results of calls made in parallel."""
    with ThreadPoolExecutor(workers) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_fifty_creates_of_one_target_make_fifty_codes(api):
    sent = {"original_url": some_target(), "user_id": new_user(api)["id"]}
    replies = at_once([lambda: api.post("/urls", sent)] * 50)
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json()["short_code"] for reply in replies}) == 50
    assert len({reply.json()["id"] for reply in replies}) == 50


def test_one_of_many_gets_a_custom_code(api):
    sent = {"original_url": some_target(), "short_code": unique("race")}
    statuses = [reply.status for reply in at_once([lambda: api.post("/urls", sent)] * 20)]
    assert sorted(statuses) == [201] + [409] * 19


def test_one_of_many_gets_a_username(api):
    name = unique("race")
    sent = {"username": name, "email": f"{name}@example.com"}
    statuses = [reply.status for reply in at_once([lambda: api.post("/users", sent)] * 20)]
    assert sorted(statuses) == [201] + [409] * 19


def test_parallel_changes_all_answer_200_and_each_is_an_event(api):
    url = new_url(api)
    replies = at_once([lambda i=i: api.put(f"/urls/{url['id']}", {"title": str(i)}) for i in range(30)])
    assert {reply.status for reply in replies} == {200}
    versions = [reply.json()["version"] for reply in replies]
    assert len(set(versions)) == 30 and min(versions) > url["version"]
    changes = [event["details"]["changes"]["title"] for event in events_of(api, url, "updated")]
    assert len(changes) == 30
    last = api.get(f"/urls/{url['id']}").json()
    assert last["version"] == max(versions)
    chain = {change["old"]: change["new"] for change in changes}
    title = None
    for _ in range(30):
        title = chain[title]
    assert title == last["title"]


def test_one_of_many_wins_with_a_precondition(api):
    url = new_url(api)
    match = [("If-Match", f'"{url["version"]}"')]
    replies = at_once(
        [lambda i=i: api.put(f"/urls/{url['id']}", {"title": str(i)}, match) for i in range(20)]
    )
    assert sorted(reply.status for reply in replies) == [200] + [412] * 19


def test_changes_and_a_deletion_at_once_are_no_crash(api):
    url = new_url(api)
    calls = [lambda i=i: api.put(f"/urls/{url['id']}", {"title": str(i)}) for i in range(20)]
    calls.insert(10, lambda: api.delete(f"/urls/{url['id']}"))
    calls.insert(12, lambda: api.delete(f"/urls/{url['id']}"))
    calls += [lambda: follow(api, url)] * 10
    statuses = [reply.status for reply in at_once(calls)]
    assert set(statuses) <= {200, 204, 302, 404} and statuses.count(204) == 1
    assert len(events_of(api, url, "deleted")) == 1
    assert follow(api, url).status == 404


def test_each_of_many_visits_is_a_click(api):
    url = new_url(api)
    assert {reply.status for reply in at_once([lambda: follow(api, url)] * 100)} == {302}
    assert len(events_of(api, url, "click")) == 100
    assert api.get(f"/stats/{url['short_code']}").json()["totals"]["all"] == 100


def test_readers_never_see_what_was_replaced(api):
    url = new_url(api)
    for _ in range(5):
        at_once([lambda: follow(api, url)] * 10)
        new = some_target()
        assert api.put(f"/urls/{url['id']}", {"original_url": new}).status == 200
        assert {reply.headers["Location"] for reply in at_once([lambda: follow(api, url)] * 20)} == {new}


def test_every_worker_sees_a_write_once_it_is_answered(api):
    user = new_user(api)
    url = new_url(api, user_id=user["id"])
    reads = [
        f"/urls/{url['id']}",
        f"/users/{user['id']}",
        f"/urls?user_id={user['id']}",
        f"/{url['short_code']}",
    ]
    assert {reply.status for reply in at_once([lambda t=t: api.get(t) for t in reads] * 12)} == {200, 302}
    for title in ("one", "two", "three"):
        api.put(f"/urls/{url['id']}", {"title": title})
        assert {reply.json()["title"] for reply in at_once([lambda: api.get(reads[0])] * 24)} == {title}
        lists = at_once([lambda: api.get(reads[2])] * 24)
        assert {reply.json()[0]["title"] for reply in lists} == {title}
        updates = at_once([lambda: api.get(f"/events?url_id={url['id']}&event_type=updated")] * 24)
        assert len({len(reply.json()) for reply in updates}) == 1
    api.delete(f"/urls/{url['id']}")
    assert {reply.status for reply in at_once([lambda: api.get(reads[0])] * 24)} == {404}
    assert {reply.body for reply in at_once([lambda: api.get(reads[2])] * 24)} == {b"[]"}


def test_users_and_their_urls_can_go_at_once(api):
    user = new_user(api)
    calls = [lambda: api.post("/urls", {"original_url": some_target(), "user_id": user["id"]})] * 20
    calls.insert(8, lambda: api.delete(f"/users/{user['id']}"))
    statuses = {reply.status for reply in at_once(calls)}
    assert statuses <= {201, 204, 404} and 204 in statuses
    assert api.get(f"/urls?user_id={user['id']}").json() == []

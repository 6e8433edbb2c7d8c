"""Records for tests: each is new, with names of its own, so that tests can share one service."""

import itertools
import uuid

COUNT = itertools.count(1)
RUN = uuid.uuid4().hex[:8]


def unique(prefix="t"):
    return f"{prefix}-{RUN}-{next(COUNT)}"


def some_target(path=""):
    return f"https://example.com/{unique()}{path}"


def new_user(api):
    name = unique("user")
    reply = api.post("/users", {"username": name, "email": f"{name}@example.com"})
    assert reply.status == 201, reply
    return reply.json()


def new_url(api, **members):
    reply = api.post("/urls", {"original_url": some_target(), **members})
    assert reply.status == 201, reply
    return reply.json()


def edit_url(api, url, **members):
    reply = api.put(f"/urls/{url['id']}", members)
    assert reply.status == 200, reply
    return reply.json()


def follow(api, url, times=1):
    """Follows a url; the last reply."""
    for _ in range(times):
        reply = api.get(f"/{url['short_code']}")
    return reply


def events_of(api, url, event_type=None):
    """The events of a url, oldest first."""
    kind = f"&event_type={event_type}" if event_type else ""
    reply = api.get(f"/events?url_id={url['id']}&per_page=200{kind}")
    assert reply.status == 200, reply
    return reply.json()


def types_of(api, url):
    return [event["event_type"] for event in events_of(api, url)]

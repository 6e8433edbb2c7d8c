"""Alerts: what clients post and change, and what Alertmanager's webhook stores."""

import concurrent.futures

import pytest

from records import unique
from test_contract_outage import without
from wire import parameters, pointers

NEVER = "0001-01-01T00:00:00Z"
STARTS = "2026-01-31T12:00:00.123456789Z"
WRONG_TEXT = [5, True, [], {}, ""]
WRONG_TEXTS = [5, "x", [], {"a": 5}, {"a": None}, {"a": {}}, {"a": "\0"}, {"\0": "a"}, {"a": "\ud800"}]


def new_alert(api, **members):
    reply = api.post("/alerts", {"name": unique("alert"), **members})
    assert reply.status == 201, reply
    return reply.json()


METHODS = pytest.mark.parametrize("method", ["PUT", "PATCH"])


def edit(api, alert, **members):
    reply = api.put(f"/alerts/{alert['id']}", members)
    assert reply.status == 200, reply
    return reply.json()


def told(name, status="firing", **members):
    """An alert as Alertmanager's message has it."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": {"summary": "It is late.", "description": "By an hour."},
        "startsAt": STARTS,
        "endsAt": NEVER if status == "firing" else "2026-01-31T13:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"fp-{name}",
        **members,
    }


def message(*alerts, **members):
    return {
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "terse",
        "groupLabels": {"alertname": "x"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **members,
    }


def hear(api, *alerts):
    reply = api.post("/alerts/webhook", message(*alerts))
    assert reply.status == 200, reply
    return reply.json()


def named(api, name):
    reply = api.get(f"/alerts?name={name}&per_page=200")
    assert reply.status == 200, reply
    return reply.json()


def test_a_posted_alert_is_kept(api):
    members = {
        "name": unique("alert"),
        "severity": "info",
        "summary": "It's <b>ä</b>\n",
        "description": None,
        "labels": {"team": "a", "": "\U0001f525"},
        "annotations": {"runbook_url": "http://x/#y"},
        "starts_at": "2026-01-31T23:59:59+01:00",
    }
    reply = api.post("/alerts", {**members, "id": 5, "status": "resolved", "unknown": 1})
    assert reply.status == 201, reply
    alert = reply.json()
    assert {**alert, **members, "starts_at": "2026-01-31T22:59:59Z"} == alert
    assert (alert["status"], alert["source"], alert["notes"], alert["fingerprint"]) == ("firing", "api", [], None)
    assert api.get(reply.location).json() == alert
    assert named(api, alert["name"]) == [alert]


def test_a_name_is_enough(api):
    alert = new_alert(api)
    assert (alert["severity"], alert["labels"], alert["annotations"]) == ("warning", {}, {})
    assert alert["acknowledged_at"] is alert["ends_at"] is alert["resolved_at"] is None


@pytest.mark.parametrize(
    "member,values",
    [
        ("name", [*WRONG_TEXT, None, " ", "x" * 201, "\0", "\ud800", "x" * 20000]),
        ("severity", [*WRONG_TEXT, None, "high", "Critical", "x" * 20000]),
        ("summary", [5, {}, "x" * 501, "a\0b"]),
        ("description", [5, [], "x" * 20000]),
        ("labels", [*WRONG_TEXTS, {"a": "x" * 20000}]),
        ("annotations", [*WRONG_TEXTS, {str(i): "x" * 100 for i in range(1000)}]),
        ("starts_at", [5, None, "x", "", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]),
    ],
)
def test_wrong_members_are_422(api, member, values):
    for value in values:
        assert pointers(api.post("/alerts", {"name": "x", member: value})) == {f"/{member}"}
    assert pointers(api.post("/alerts", {})) == {"/name"}


@METHODS
@pytest.mark.parametrize(
    "member,values",
    [
        ("status", [*WRONG_TEXT, None, "open", "Firing"]),
        ("severity", [*WRONG_TEXT, None, "page"]),
        ("notes", [5, [], "", " ", "x" * 2001, "\0"]),
        ("author", [5, "", "x" * 201]),
        ("acknowledged_by", [5, "", "\ud800", "x" * 20000]),
    ],
)
def test_wrong_changes_are_422_and_change_nothing(api, method, member, values):
    alert = new_alert(api)
    for value in values:
        reply = api.with_json(method, f"/alerts/{alert['id']}", {"severity": "info", member: value})
        assert pointers(reply) == {f"/{member}"}
    assert api.get(f"/alerts/{alert['id']}").json() == alert


def test_a_status_brings_its_times(api):
    alert = new_alert(api)
    seen = edit(api, alert, status="acknowledged", acknowledged_by="ann")
    assert (seen["status"], seen["acknowledged_by"]) == ("acknowledged", "ann")
    assert seen["acknowledged_at"] and seen["updated_at"] > alert["updated_at"]
    over = edit(api, alert, status="resolved")
    assert over["resolved_at"] == over["ends_at"] > seen["acknowledged_at"] == over["acknowledged_at"]
    again = edit(api, alert, status="firing")
    assert {**again, "updated_at": alert["updated_at"]} == alert


def test_what_changes_nothing_leaves_all(api):
    alert = edit(api, new_alert(api), status="acknowledged", acknowledged_by="ann")
    for members in ({}, {"status": "acknowledged"}, {"severity": "warning"}, {"name": "other"}, {"notes": None}):
        assert edit(api, alert, **members) == alert
    assert api.with_json("PATCH", f"/alerts/{alert['id']}", {}).json() == alert


def test_notes_are_added(api):
    alert = new_alert(api)
    edit(api, alert, notes="It's <me>.", author="ann")
    notes = edit(api, alert, notes="Done.\n")["notes"]
    assert [(note.get("author"), note["text"]) for note in notes] == [("ann", "It's <me>."), (None, "Done.\n")]
    assert notes[0]["at"] < notes[1]["at"]


@METHODS
def test_notes_have_an_end(api, method):
    alert, note = new_alert(api), {"notes": "ä" * 2000}
    statuses = [api.with_json(method, f"/alerts/{alert['id']}", note).status for _ in range(20)]
    assert statuses == sorted(statuses) and set(statuses) == {200, 409}


def test_an_alert_that_is_not_there_is_404(api):
    for number in (10**15, 2**63, 0, "x"):
        assert api.get(f"/alerts/{number}").status == 404
        for method in ("PUT", "PATCH"):
            assert api.with_json(method, f"/alerts/{number}", {"status": "resolved"}).status == 404
    assert api.send("DELETE", f"/alerts/{new_alert(api)['id']}").status == 405


def test_lists_are_filtered(api):
    name = unique("alert")
    one, two = new_alert(api, name=name), new_alert(api, name=name, severity="critical")
    two = edit(api, two, status="resolved")
    for query, found in [
        ("", [one, two]),
        ("&status=firing", [one]),
        ("&severity=critical", [two]),
        ("&status=resolved&severity=critical", [two]),
        ("&status=acknowledged", []),
    ]:
        assert api.get(f"/alerts?name={name}{query}").json() == found, query
    assert two in api.get(f"/alerts?status=resolved&severity=critical&after={one['id']}").json()
    assert api.get("/alerts?name=" + unique()).json() == []


def test_a_malformed_filter_is_422(api):
    for name, value in [("status", "open"), ("status", ""), ("severity", "high"), ("name", "%00"), ("name", "x" * 201)]:
        assert parameters(api.get(f"/alerts?{name}={value}")) == {name}


def test_a_message_is_stored(api):
    name = unique("alert")
    assert hear(api, told(name)) == {"received": 1, "stored": 1, "created": 1, "updated": 0}
    (alert,) = named(api, name)
    assert (alert["status"], alert["severity"], alert["source"]) == ("firing", "critical", "alertmanager")
    assert (alert["summary"], alert["description"]) == ("It is late.", "By an hour.")
    assert (alert["starts_at"], alert["ends_at"]) == ("2026-01-31T12:00:00.123456Z", None)
    assert alert["labels"] == told(name)["labels"] and alert["annotations"] == told(name)["annotations"]


def test_an_alert_lives_through_its_messages(api):
    name = unique("alert")
    hear(api, told(name))
    assert hear(api, told(name, annotations={"summary": "Later."}))["updated"] == 1
    (alert,) = named(api, name)
    assert (alert["summary"], alert["description"]) == ("Later.", None)
    edit(api, alert, status="acknowledged", acknowledged_by="ann", notes="mine")
    hear(api, told(name))
    (alert,) = named(api, name)
    assert (alert["status"], alert["acknowledged_by"], len(alert["notes"])) == ("acknowledged", "ann", 1)
    hear(api, told(name, "resolved"))
    (alert,) = named(api, name)
    assert (alert["status"], alert["ends_at"]) == ("resolved", "2026-01-31T13:00:00Z") and alert["resolved_at"]
    hear(api, told(name, startsAt="2026-02-01T00:00:00Z"))
    assert [one["status"] for one in named(api, name)] == ["resolved", "firing"]


def test_a_message_of_many_makes_each_alert_once(api):
    name = unique("alert")
    alerts = [told(name, fingerprint=f"{name}-{i % 500}") for i in range(1000)]
    assert hear(api, *alerts) == {"received": 1000, "stored": 500, "created": 500, "updated": 0}
    assert hear(api) == {"received": 0, "stored": 0, "created": 0, "updated": 0}


def test_parallel_messages_make_each_alert_once(api):
    name = unique("alert")
    alerts = [told(name, fingerprint=f"{name}-{i}") for i in range(50)]
    orders = [alerts, alerts[::-1], alerts[25:] + alerts[:25]] * 8
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda order: hear(api, *order), orders))
    assert sum(reply["created"] for reply in replies) == 50
    assert len(named(api, name)) == 50


@pytest.mark.parametrize(
    "member,values",
    [
        ("status", [*WRONG_TEXT, None, "acknowledged", "x" * 20000]),
        ("labels", [*WRONG_TEXTS, None, {"a": "x" * 20000}, {f"l{i}": "x" for i in range(5000)}]),
        ("annotations", [*WRONG_TEXTS, {"a": "x" * 50000}]),
        ("startsAt", [5, None, "", "now", "0000-00-00T00:00:00Z", "x" * 20000]),
        ("endsAt", [5, "", "never"]),
        ("fingerprint", [5, "", "x" * 129, "\0", "\ud800"]),
    ],
)
def test_one_wrong_alert_refuses_the_message(api, member, values):
    name = unique("alert")
    for value in values:
        reply = api.post("/alerts/webhook", message(told(name), told(name, **{member: value}), told(name)))
        assert pointers(reply) == {f"/alerts/1/{member}"}, value
    assert named(api, name) == []


def test_a_wrong_message_is_422(api):
    for members, pointer in [
        ({"alerts": None}, "/alerts"),
        ({"alerts": {}}, "/alerts"),
        ({"alerts": [5]}, "/alerts/0"),
        ({"alerts": [None]}, "/alerts/0"),
        ({"alerts": [[]]}, "/alerts/0"),
        ({"alerts": [{}] * 10001}, "/alerts"),
        ({"version": "3"}, "/version"),
        ({"version": 4}, "/version"),
    ]:
        assert pointers(api.post("/alerts/webhook", message(**members))) == {pointer}
    assert pointers(api.post("/alerts/webhook", {})) == {"/alerts"}
    assert len(pointers(api.post("/alerts/webhook", message(*[{}] * 9999)))) == 16, "some of the faults are told"


def test_odd_alerts_are_stored(api):
    name = unique("alert")
    long = "ä" * 20000
    odd = [
        told(name, fingerprint=None),
        told(name, endsAt=None, annotations=None),
        told(name, startsAt="1970-01-01T00:00:00Z"),
        told(name, "resolved", startsAt="9999-12-31T23:59:59Z", endsAt=NEVER),
        told(name, startsAt=NEVER, annotations={"summary": long}),
        told(name, labels={"alertname": name, "severity": "page"}, fingerprint="'); DROP TABLE alerts; --" + name),
    ]
    assert hear(api, *odd)["created"] == len(odd)
    found = named(api, name)
    assert len(found) == len(odd)
    assert {alert["severity"] for alert in found} == {"critical", "warning"}
    assert long[:500] in {alert["summary"] for alert in found}
    assert {alert["starts_at"] for alert in found} >= {NEVER, "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}
    assert all(alert["ends_at"] for alert in found if alert["status"] == "resolved")
    nameless = unique()
    assert hear(api, told("", labels={}, fingerprint=nameless))["created"] == 1
    assert nameless in {alert["fingerprint"] for alert in named(api, "unnamed")}


def test_a_page_of_the_largest_alerts_is_served(api):
    name = unique("alert")
    largest = {
        "severity": "info",
        "summary": "\u0001" * 500,
        "description": "\u0001" * 4000,
        "labels": {"a": "x" * 16000},
        "annotations": {"a": "x" * 48000},
    }
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        alerts = list(pool.map(lambda _: new_alert(api, name=name, **largest), range(200)))
    assert len(alerts) == len(named(api, name)) == 200


def test_without_postgresql_a_message_is_to_be_sent_again(api, terse):
    name = unique("alert")
    with without(api, terse, "postgres"):
        reply = api.post("/alerts/webhook", message(told(name)))
        assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
        assert api.post("/alerts", {"name": name}).status == 503
        assert api.get("/alerts").status == 503
    assert hear(api, told(name))["created"] == 1

"""JSON bodies: syntax, labels, types; on every route that takes one."""

import json

import pytest

from records import new_url, new_user, some_target, unique
from wire import pointers

ROUTES = [
    ("POST", "/users"), ("PUT", "/users/{user}"), ("PATCH", "/users/{user}"), ("POST", "/urls"), ("POST", "/shorten"),
    ("PUT", "/urls/{url}"), ("PATCH", "/urls/{url}"), ("POST", "/events"), ("POST", "/api/v1/urls"),
    ("POST", "/alerts"), ("PUT", "/alerts/{alert}"), ("PATCH", "/alerts/{alert}"), ("POST", "/alerts/webhook"),
]  # fmt: skip
MALFORMED = [
    b"", b" ", b"{", b"}", b"nul", b"{'a':1}", b'{"a":1,}', b'{"a" 1}', b'{"a":}', b'{,}', b'{a:1}',
    b'{"a":1}}', b'{"a":1} x', b'{"a":1}{"b":2}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}',
    b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":0x10}', b'{"a":True}', b'{"a":"\t"}',
    b'{"a":"\x00"}', b'\x00{}', b'{}\x00', b'{"a":"\\u00"}', b'{"a":"\\x41"}', b'{"a":"\xff"}', b'\xff\xfe{}',
    b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":1/*x*/}', b"[" * 100000,
    b'{"a":' * 100000, b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}", b'{"a":"' + b"x" * 1000,
]  # fmt: skip
NO_OBJECT = [b"[]", b'"x"', b"1", b"null", b"true", b'[{"username":"a"}]', b"1e400"]
LABEL = ("Content-Type", "application/json")

WRONG_TEXT = [5, 0, -1.5, True, False, [], ["x"], {}, {"a": "x"}]
WRONG_ID = ["1", "", "x", True, False, 1.5, 0, -1, -(10**40), 10**40, 2**63, [], [1], {}]
WRONG_BOOL = ["true", "false", "", 0, 1, [], {}]


@pytest.fixture(scope="module")
def records(api):
    alert = api.post("/alerts", {"name": unique()}).json()
    return {"user": new_user(api)["id"], "url": new_url(api)["id"], "alert": alert["id"]}


@pytest.fixture(params=ROUTES, ids=lambda route: " ".join(route))
def route(request, records):
    method, target = request.param
    return method, target.format(**records)


def test_malformed_json_is_400(api, route):
    for body in MALFORMED:
        assert api.send(*route, body, [LABEL]).status == 400, body[:40]


def test_a_body_that_is_no_object_is_400(api, route):
    for body in NO_OBJECT:
        assert api.send(*route, body, [LABEL]).status == 400, body


def test_a_body_with_another_label_or_none_is_415(api, route):
    labels = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "multipart/form-data; boundary=x",
        "json",
    ]
    labels += [
        "application/jsonx",
        "application/json2",
        "text/json-patch",
        "application/",
        "/",
        "*/*",
        "application/octet-stream",
    ]
    for label in labels:
        assert api.send(*route, b"{}", [("Content-Type", label)]).status == 415, label
    assert api.send(*route, b"{}").status == 415
    assert api.send(*route).status in (400, 415)


@pytest.mark.parametrize(
    "label",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        'application/json;charset="UTF-8"',
        "application/merge-patch+json",
        "application/vnd.x.v1+json",
    ],
)
def test_labels_of_json_are_taken(api, label):
    name = unique()
    body = json.dumps({"username": name, "email": f"{name}@example.com"}).encode()
    assert api.send("POST", "/users", body, [("Content-Type", label)]).status == 201
    user = new_user(api)
    assert api.send("PATCH", f"/users/{user['id']}", b"{}", [("Content-Type", label)]).status == 200


def test_valid_json_of_odd_shape_is_no_crash(api, route):
    for body in (
        b'{"x":1e400}', b'{"x":-1e400}', b'{"x":1' + b"0" * 5000 + b"}", b'{"x":1e-999999999}', b'{"":""}',
        b'{"\\u0000":1}', b'{"\\ud800":1}', b'{"username":"a","username":5}',
        b'{"original_url":1,"original_url":[]}', b'{"x":"' + b"\\u0000" * 3000 + b'"}', b'\xef\xbb\xbf{}',
        b'{"x":' + b"[" * 20 + b"]" * 20 + b"}", b'{"' + b"k" * 20000 + b'":1}',
        json.dumps({f"m{i}": i for i in range(5000)}).encode(), b' \r\n\t{ } \n',
        b'{"\\u0075sername": null}',
    ):  # fmt: skip
        assert api.send(*route, body, [LABEL]).status < 500, body[:40]


def test_escaped_names_of_members_are_names(api):
    name = unique()
    body = f'{{"\\u0075sername":"{name}","e\\u006dail":"{name}@example.com"}}'.encode()
    assert api.send("POST", "/users", body, [LABEL]).json()["username"] == name


def test_every_member_has_its_type_on_users(api):
    user = new_user(api)
    for value in [*WRONG_TEXT, None]:
        good = {"username": unique(), "email": f"{unique()}@example.com"}
        for member in good:
            assert pointers(api.post("/users", {**good, member: value})) == {f"/{member}"}, value
            assert pointers(api.put(f"/users/{user['id']}", {member: value})) == {f"/{member}"}, value
        assert pointers(api.post("/users", {"username": value, "email": value})) == {"/username", "/email"}


@pytest.mark.parametrize("path,target", [("/urls", "original_url"), ("/shorten", "url")])
def test_every_member_has_its_type_on_new_urls(api, path, target):
    wrong = {
        target: [*WRONG_TEXT, None],
        "title": WRONG_TEXT,
        "short_code": WRONG_TEXT,
        "user_id": WRONG_ID,
        "find_if_exists": WRONG_BOOL,
    }
    for member, values in wrong.items():
        for value in values:
            assert pointers(api.post(path, {target: some_target(), member: value})) == {f"/{member}"}, value


def test_every_member_has_its_type_on_changed_urls(api):
    url = new_url(api)
    wrong = {"original_url": [*WRONG_TEXT, None], "title": WRONG_TEXT, "is_active": [*WRONG_BOOL, None]}
    for member, values in wrong.items():
        for value in values:
            assert pointers(api.put(f"/urls/{url['id']}", {member: value})) == {f"/{member}"}, value
    assert api.get(f"/urls/{url['id']}").json() == url


def test_every_member_has_its_type_on_events(api):
    url = new_url(api)
    wrong = {"event_type": [*WRONG_TEXT, None], "url_id": [*WRONG_ID, None], "user_id": WRONG_ID}
    wrong["details"] = ["", "{}", 5, True, [], [{}]]
    for member, values in wrong.items():
        for value in values:
            assert pointers(api.post("/events", {"event_type": "x", "url_id": url["id"], member: value})) == {
                f"/{member}"
            }, value


def test_a_number_beyond_doubles_is_422(api):
    for path in ("/urls", "/shorten"):
        member = "url" if path == "/shorten" else "original_url"
        body = f'{{"{member}":"{some_target()}","user_id":1e400}}'.encode()
        assert pointers(api.send("POST", path, body, [LABEL])) == {"/user_id"}


def test_a_body_that_is_too_large_is_413(api, route):
    assert api.send(*route, b'{"x":"' + b"x" * (2 << 20) + b'"}', [LABEL]).status == 413


def test_a_chunked_body_is_a_body(api):
    name = unique()
    text = json.dumps({"username": name, "email": f"{name}@example.com"}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (text[:5], text[5:])) + b"0\r\n\r\n"
    headers = [LABEL, ("Transfer-Encoding", "chunked")]
    assert api.send("POST", "/users", chunks, headers).json()["username"] == name


def test_a_body_on_reads_is_ignored(api):
    user = new_user(api)
    assert api.send("GET", f"/users/{user['id']}", b"{nonsense", [LABEL]).json() == user
    assert api.send("DELETE", f"/users/{user['id']}", b"\x00" * 5000, [LABEL]).status == 204
    assert api.send("GET", "/health", b"x" * 100000).status == 200

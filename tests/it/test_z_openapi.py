"""docs/openapi.yaml is sound, names the program's routes, and promises nothing that was not seen. Runs last."""

import json
import pathlib
import re

import pytest

from wire import DESCRIPTION


def test_the_file_is_sound():
    assert DESCRIPTION.lint() == []


class Answer:
    """A reply as wire.Reply has it."""

    def __init__(self, status, body="", **headers):
        self.method, self.status, self.body = "GET", status, body.encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def json(self):
        return json.loads(self.body)


GOOD = Answer(200, '{"status":"ok"}', Content_Type="application/json", X_Request_Id="a")


@pytest.mark.parametrize(
    "bad",
    [
        Answer(200, '{"status":"ok","more":1}', Content_Type="application/json", X_Request_Id="a"),
        Answer(200, '{"status":"fine"}', Content_Type="application/json", X_Request_Id="a"),
        Answer(200, '{"status":"ok"}', Content_Type="text/html", X_Request_Id="a"),
        Answer(200, '{"status":"ok"}', Content_Type="application/json", X_Request_Id="<>"),
        Answer(200, '{"status":"ok"}', Content_Type="application/json"),
        Answer(201, '{"status":"ok"}', Content_Type="application/json", X_Request_Id="a"),
        Answer(500, "{}", Content_Type="application/problem+json", X_Request_Id="a"),
        Answer(503, "{}", Content_Type="application/problem+json", X_Request_Id="a"),
    ],
    ids=lambda answer: f"{answer.status}",
)
def test_the_check_of_replies_finds_what_is_not_described(bad):
    assert DESCRIPTION.faults("GET", "/health", GOOD) == []
    assert DESCRIPTION.faults("GET", "/api/v1/health?x", GOOD) == []
    assert DESCRIPTION.faults("GET", "/health", bad) != []
    assert DESCRIPTION.faults("GET", "/nowhere/at/all", GOOD) != []
    assert DESCRIPTION.faults("POST", "/health", GOOD) != []


def test_its_operations_are_the_programs_routes(routes):
    described = {(m, plain(t), operation["operationId"]) for m, t, operation in DESCRIPTION.operations()}
    assert {(m, plain(path), name) for m, path, name in map(str.split, routes)} == described


def plain(path):
    """A path without the names of its parameters."""
    return re.sub(r"{\w+}|:\w+", "{}", path)


def test_all_that_it_promises_was_seen(request, api):
    """That all that was seen is promised, wire.Api checks with each reply."""
    ours = {path.name for path in pathlib.Path(__file__).parent.glob("test_contract_*.py")}
    ran = {pathlib.Path(item.fspath).name for item in request.session.items}
    if not ours <= ran or request.config.option.keyword:
        pytest.skip("only when all contract tests ran")
    assert set(DESCRIPTION.statuses()) - api.seen == set()

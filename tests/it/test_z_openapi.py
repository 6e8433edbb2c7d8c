"""docs/openapi.yaml is sound, names the program's routes, and promises nothing that was not seen. Runs last."""

import pathlib
import re

import pytest

from wire import DESCRIPTION


def test_the_file_is_sound():
    assert DESCRIPTION.lint() == []


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

"""One stack for the tests that do it no harm; those that kill things start their own."""

import csv
import os
import pathlib
import subprocess

import pytest

from stack import TOP, Stack
from wire import Api

SEEN = set()  # (method, path template, status) of every answer, for the check of openapi.yaml


def pytest_make_parametrize_id(val):
    """Odd values make odd names of tests."""
    if isinstance(val, str):
        return ascii(val)[1:-1][:40]
    return None


@pytest.fixture(scope="session")
def terse():
    with Stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def client(terse):
    return Api("127.0.0.1", terse.port, SEEN)


@pytest.fixture(scope="session")
def seed(client):
    """{kind: (rows, reply)} of the imports that begin the session; {} without the files.

    TERSE_SEED names the folder of the files that the systems before terse left behind.
    """
    folder = pathlib.Path(os.environ.get("TERSE_SEED", TOP.parent / "shared" / "seed"))
    kinds = ("users", "urls", "events") if (folder / "users.csv").is_file() else ()
    done = {}
    for kind in kinds:
        text = (folder / f"{kind}.csv").read_text(encoding="utf-8-sig")
        done[kind] = list(csv.DictReader(text.splitlines())), client.csv(f"/{kind}/bulk", text)
    return done


@pytest.fixture(scope="session")
def api(client, seed):
    """HTTP to the stack, once the files are in."""
    return client


@pytest.fixture(scope="session")
def routes():
    """A line per row of the program's route table: method, path, name."""
    program = pathlib.Path(os.environ["TERSE_BUILD"], "terse-worker")
    return subprocess.run(
        [program, "--routes"], check=True, capture_output=True, text=True
    ).stdout.splitlines()


@pytest.fixture(scope="session")
def admin_key(terse):
    return terse.secret("admin_key")


@pytest.fixture(scope="session")
def statements(terse):
    """Says how many SQL statements the workers have sent, as PostgreSQL counts them."""
    text = """SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements AS s
              JOIN pg_roles AS r ON r.oid = s.userid WHERE r.rolname = 'terse_app'"""
    return lambda: terse.sql(text)[0][0]

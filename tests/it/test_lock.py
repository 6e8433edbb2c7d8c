"""A lock in PostgreSQL that somebody holds for long must not cost more than what needs the locked table."""

import time

from stack import Stack, wait_for
from wire import Api

TIMEOUT_MS, HELD_S = 300, 5
OLDEST = """SELECT coalesce(extract(epoch FROM max(clock_timestamp() - query_start)), 0)::float FROM pg_stat_activity
    WHERE usename = 'terse_owner' AND wait_event_type = 'Lock'"""


def test_a_statement_that_terse_ingest_gave_up_ends_in_postgresql_too():
    with Stack(TERSE_DB_TIMEOUT_MS=TIMEOUT_MS) as stack:
        api = Api("127.0.0.1", stack.port, set())
        api.post("/urls", {"original_url": "https://example.org/", "short_code": "locked01"})
        with stack.connect() as session, session.cursor() as cursor:
            cursor.execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
            end = time.monotonic() + HELD_S
            assert api.get("/locked01").status == 302
            wait_for(lambda: stack.sql(OLDEST)[0][0] > 0, 5)
            time.sleep(max(0, end - time.monotonic()))  # what was given up at first would still be there
            oldest = stack.sql(OLDEST)[0][0]
            session.rollback()
        assert oldest < HELD_S - 1.5  # PostgreSQL looks once a second whether its client is there
        wait_for(lambda: stack.sql("SELECT count(*) FROM clicks")[0][0] == 1, 15)

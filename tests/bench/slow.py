"""A slow PostgreSQL: what it answers to PgBouncer comes DELAY_S late; terse-ingest, which asks it
directly, notices nothing."""

import asyncio
import contextlib
import threading
import time

import servers
from stack import wait_for

DELAY_S = 0.2
PORT = 5432
SLOW_PORT = 5433
CHUNK = 65536


async def copy(source, sink, delay_s):
    """Hands on what comes; ends the other side when this one has ended."""
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            await asyncio.sleep(delay_s)
            sink.write(chunk)
            await sink.drain()
    sink.close()


async def relay(run, stop):
    """Serves the socket that a PostgreSQL at SLOW_PORT would have, until stop is set."""

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            answers, questions = await asyncio.open_unix_connection(run / f".s.PGSQL.{PORT}")
            await asyncio.gather(copy(reader, questions, 0), copy(answers, writer, DELAY_S))

    path = run / f".s.PGSQL.{SLOW_PORT}"
    server = await asyncio.start_unix_server(serve, path)
    path.chmod(0o777)  # PgBouncer's user is not ours
    async with server:
        await stop.wait()


@contextlib.contextmanager
def relaying(run):
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(relay(run, stop)))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.close()
        (run / f".s.PGSQL.{SLOW_PORT}").unlink(missing_ok=True)


def pgbouncer_turn(stack, old, new):
    """PgBouncer makes its connections by the other port from now on; idle ones are replaced."""
    ini = stack.state / "etc/pgbouncer.ini"
    ini.write_text(ini.read_text(encoding="utf-8").replace(f"port={old} ", f"port={new} "), encoding="utf-8")
    stack.sv("hup", "pgbouncer")


def miss_s(url):
    """Seconds that the answer to one new unknown code takes."""
    began = time.monotonic()
    if servers.status_of(f"{url}/none-{time.time_ns()}") not in (404, 503):
        raise SystemExit("an unknown code is not unknown")
    return time.monotonic() - began


@contextlib.contextmanager
def database(place):
    """All look-ups of a stack's workers are slow in the block."""
    with relaying(place.stack.run):
        pgbouncer_turn(place.stack, PORT, SLOW_PORT)
        wait_for(lambda: all(miss_s(place.url) >= DELAY_S for _ in range(3)), 20)
        try:
            yield
        finally:
            pgbouncer_turn(place.stack, SLOW_PORT, PORT)
            wait_for(lambda: all(miss_s(place.url) < DELAY_S for _ in range(3)), 20)

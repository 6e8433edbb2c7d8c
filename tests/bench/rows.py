"""The rows of the table, in the order in which a round measures them, and how one is measured."""

import contextlib
import dataclasses

import load
import meter
import slow

# What terse-ingest does meanwhile. Its costs are in a row's CPU when it runs.
NONE, PAUSED, RUNS = "", "paused", "keeps up"


@dataclasses.dataclass(frozen=True)
class Row:
    """key: what report.BARS calls it."""

    key: str
    name: str
    place: str
    load: callable
    connections: int = 64
    ingest: str = NONE
    around: callable = None  # a context manager of the place, for the time of each run


def twice(key, name, place, how, connections=64):
    """With ingest paused, and running."""
    return [Row(f"{key} paused", name, place, how, connections, PAUSED),
            Row(key, name, place, how, connections, RUNS)]


def bare(connections):
    return Row(f"nginx {connections}", "nginx: return 302", "nginx", load.hit, connections)


ROWS = [
    bare(64),
    Row("constant", "constant worker", "constant", load.hit),
    *twice("l1", "L1 hit", "l1", load.hit),
    *twice("redis", "Redis hit", "redis", load.hit),
    *twice("database", "PostgreSQL hit", "database", load.hit),
    *twice("unknown", "unknown code", "l1", load.unknown),
    *twice("tls", "L1 hit, TLS", "l1", load.hit_tls),
    *twice("mix", "zipf of 10,000 codes, 1 % writes", "l1", load.zipf_writes),
    *twice("zipf", "zipf of 10,000 codes, 10,000 links", "l1", load.zipf),
    *twice("many", "the same, 10,000,000 links", "many", load.zipf),
    Row("hits", "L1 hit, PostgreSQL slow", "l1", load.hit, ingest=RUNS, around=slow.database),
    Row("hits misses", "the same beside 8 clients on misses", "l1", load.hit_beside_misses, ingest=RUNS,
        around=slow.database),
    Row("lua", "peer: nginx + Lua + Redis GET, XADD", "lua", load.hit),
    Row("flask", "peer: Flask + gunicorn + Redis", "flask", load.hit),
    Row("tls new", "TLS connections, new", "l1", load.handshakes_new, 2, RUNS),
    Row("tls resumed", "TLS connections, resumed", "l1", load.handshakes_resumed, 2, RUNS),
    bare(500),
    Row("constant 500", "constant worker", "constant", load.hit, 500),
    *twice("l1 500", "L1 hit", "l1", load.hit, 500),
    Row("lua 500", "peer: nginx + Lua + Redis GET, XADD", "lua", load.hit, 500),
    bare(1000),
    *twice("l1 1000", "L1 hit", "l1", load.hit, 1000),
    bare(5000),
    *twice("l1 5000", "L1 hit", "l1", load.hit, 5000),
]


@contextlib.contextmanager
def as_told(row, place):
    """Whatever the row wants to be so while it is measured."""
    with contextlib.ExitStack() as stack:
        if row.ingest == PAUSED:
            stack.enter_context(meter.ingest_stopped(place.stack))
        if row.around:
            stack.enter_context(row.around(place))
        yield


def measure(row, place, seconds):
    """One run. Its CPU includes moving its clicks into the database, if ingest runs."""
    layers = meter.layers(place.stack)
    with as_told(row, place):
        noise, before = meter.Noise(), meter.cpu_us(place.home, place.parts)
        run = row.load(place, row.connections, seconds)
        run["rate"] = run["requests"] / run["seconds"]
        if row.ingest == RUNS:
            left = meter.undrained(place.stack)
            run["lag_s"], run["moved"] = left / run["rate"], 1 - left / run["requests"]
            run["drain_s"] = meter.drain(place.stack)
        used = meter.cpu_us(place.home, place.parts) - before
        run["others"] = noise.others(used.total())
    run["layers"] = meter.layers(place.stack) - layers
    if place.stack:
        meter.drain(place.stack)
    run["cpu_us"] = {part: us / run["requests"] for part, us in used.items()}
    run["load_us"] /= run["requests"]
    place.visits += run["visits"]
    return run

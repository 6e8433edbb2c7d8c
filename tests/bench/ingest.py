#!/usr/bin/python3
"""How fast terse-ingest moves a journal into PostgreSQL when nothing else runs.

usage: ingest.py [--clicks N] [--visitors N] [--rounds R] [--json FILE]

Starts a stack of its own (TERSE_BUILD: the build folder), puts a prepared journal into it while
terse-ingest is down, starts it, and waits until all is stored. Clicks fall on 10,000 links by
zipf's law and are spread over visitors: `one` is what a load generator makes, `many` costs a new
row for nearly each click. CPU is per click, by process. A bar that is missed fails nothing.
"""

import argparse
import bisect
import itertools
import json
import pathlib
import random
import signal
import statistics
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

import links  # noqa: E402
import meter  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

BAR = 50_000  # clicks/s
SEGMENT_LINES = 200_000
AGENT = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Safari/537.36")
REFERRER = "https://www.example.org/some/where/page.html?utm_source=newsletter"
PARTS = ("ingest", "PostgreSQL")


def codes(dice, count):
    """Numbers of links by zipf's law."""
    sums = list(itertools.accumulate(1 / n for n in range(1, links.HOT + 1)))
    return (bisect.bisect(sums, dice.random() * sums[-1]) + 1 for _ in range(count))


def lines(clicks, visitors):
    """A journal's lines, 20 us apart, the last one now."""
    dice, began = random.Random(), time.time() - clicks * 0.00002
    for number, link in enumerate(codes(dice, clicks)):
        at = began + number * 0.00002
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06}Z"
        yield (f"{dice.getrandbits(128):032x}\t{stamp}\t{link}\t\\N\th{link:06}\t{REFERRER}\t{AGENT}\t"
               f"{dice.randrange(visitors) * 7919}\tf\n")


def put_journal(stack, clicks, visitors):
    """Segments that terse-ingest does not see before they are whole."""
    rest = lines(clicks, visitors)
    for _ in range(0, clicks, SEGMENT_LINES):
        name = f"{int(time.time() * 1e6):016}-{uuid.uuid4().int % 99999}-{uuid.uuid4().hex[:16]}.log"
        part = stack.state / name
        part.write_text("".join(itertools.islice(rest, SEGMENT_LINES)), encoding="utf-8")
        part.chmod(0o666)
        part.rename(stack.journal / name)


def stored(stack):
    return stack.sql("SELECT count(*) FROM clicks")[0][0]


def measure(stack, clicks, visitors):
    """One journal: clicks/s, and CPU time per click, from the first to the last of them."""
    stack.sv("down", "ingest")
    put_journal(stack, clicks, visitors)
    before, wal = stored(stack), stack.sql("SELECT pg_current_wal_lsn()")[0][0]
    moved = meter.metric(stack, "terse_ingest_clicks_total")
    noise, used = meter.Noise(), meter.cpu_us(stack.state)
    began = time.monotonic()
    stack.sv("up", "ingest")
    wait_for(lambda: meter.metric(stack, "terse_ingest_clicks_total") >= moved + clicks, 300, 0.05)
    seconds = time.monotonic() - began
    used = meter.cpu_us(stack.state) - used
    if stored(stack) != before + clicks:
        raise SystemExit("not each click is stored once")
    return {
        "rate": clicks / seconds,
        "cpu_us": {part: used[part] / clicks for part in PARTS},
        "wal_bytes": float(stack.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", (wal,))[0][0]) / clicks,
        "others": noise.others(used.total()),
    }


def median(runs, *path):
    found = runs
    for name in path:
        found = [run[name] for run in found]
    return statistics.median(found)


def row(name, clicks, visitors, runs):
    return {
        "name": name, "clicks": clicks, "visitors": visitors, "clicks_per_s": round(median(runs, "rate")),
        "cpu_us": {part: round(median(runs, "cpu_us", part), 2) for part in PARTS},
        "wal_bytes": round(median(runs, "wal_bytes")), "others": round(median(runs, "others"), 2),
    }


def rows(clicks, visitors, rounds):
    """The table: one visitor, and many. The rounds take turns."""
    kinds = {"one visitor": 1, "many visitors": visitors}
    runs = {name: [] for name in kinds}
    with Stack() as stack:
        links.fill(stack)
        for _ in range(rounds):
            for name, count in kinds.items():
                runs[name].append(measure(stack, clicks, count))
    return [row(name, clicks, kinds[name], found) for name, found in runs.items()]


def show(table):
    head = ["clicks of", "clicks/s", *(f"{part}, CPU us" for part in PARTS), "WAL bytes", "others"]
    print(meter.markdown(head, [
        [each["name"], f"{each['clicks_per_s']:,}", *(f"{each['cpu_us'][part]:.1f}" for part in PARTS),
         str(each["wal_bytes"]), f"{each['others']:.0%}"] for each in table]))
    least = min(each["clicks_per_s"] for each in table)
    print(f"\nbar: ingest on its own >= {BAR:,} clicks/s: {'met' if least >= BAR else 'MISSED'} ({least:,})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--clicks", type=int, default=1_000_000)
    parser.add_argument("--visitors", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="where everything goes, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stack is stopped
    table = rows(args.clicks, args.visitors, args.rounds)
    show(table)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

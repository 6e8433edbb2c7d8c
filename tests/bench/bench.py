#!/usr/bin/python3
"""Redirects per second, each row as a ratio to nginx's own `return 302` in the same run.

usage: bench.py [--rows PATTERN] [--seconds S] [--rounds R] [--without-many] [--json FILE]

Starts stacks of its own (TERSE_BUILD: the build folder), peers, and an nginx that only returns a
constant 302, as rows need them. The rows take turns and medians are printed, so that a noisy
machine is noisy for all alike. The load is made on the same cores. Clicks, logs and metrics are
on; at the end the clicks in the databases are counted. An answer that is not the row's is an
error; `others` is the share of the cores that was taken by what is no part of the benchmark.
`moved` is the share of a run's clicks that was in the database when its load ended, `lag` the
seconds of load that were not. A bar that is missed fails nothing; `by CPU` is what a ratio would
be by the CPU time that requests take, which others' work hardly changes.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

import ingest  # noqa: E402
import meter  # noqa: E402
import places  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import write  # noqa: E402


def chosen(pattern, with_many):
    """The rows whose key or name matches, and those that they are a ratio to."""
    wanted = [row for row in rows.ROWS
              if re.search(pattern, f"{row.key}\n{row.name}", re.I | re.M) and (with_many or row.place != "many")]
    sizes = {row.connections for row in wanted}
    return [row for row in rows.ROWS
            if row in wanted or (row.place == "nginx" and row.connections in sizes)]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:70}\r", end="", file=sys.stderr, flush=True)


def rounds(servers, args):
    """{row: [run of each round]}"""
    runs = {row: [] for row in chosen(args.rows, not args.without_many)}
    for number in range(args.rounds):
        for row, found in runs.items():
            progress(f"round {number + 1}: {row.name} {row.ingest}")
            found.append(rows.measure(row, servers.get(row.place), args.seconds))
    progress("")
    return runs


def others(args):
    """{name: rows} of the benchmarks of other paths, which print their tables themselves."""
    all_of = {"write": lambda: write.rows(args.rounds, args.seconds, 1_000_000),
              "ingest": lambda: ingest.rows(1_000_000, 50_000, args.rounds)}
    found = {}
    for name, rows_of in all_of.items():
        if not re.search(args.rows, name, re.I):
            continue
        try:
            found[name] = rows_of()
        except (AssertionError, SystemExit) as error:  # the other rows are worth having
            print(f"{name}: {error}")
    if "write" in found:
        write.show(found["write"])
    if "ingest" in found:
        ingest.show(found["ingest"])
    return found


def worker_mib(stack):
    """The most private memory of a redirect worker."""
    pids = stack.pids("redirect-a", "terse-worker") + stack.pids("redirect-b", "terse-worker")
    return round(max(meter.private_kib(pid) for pid in pids) / 1024, 2)


def clicks(servers):
    """({place: counts}, what is wrong): every redirect that was answered is a click in a database."""
    counts, wrong = {}, []
    for name, place in servers.started.items():
        try:
            if place.stack:
                counts[name] = meter.clicks_check(place.stack, place.visits)
        except SystemExit as error:
            wrong.append(f"{name}: {error}")
    return counts, "\n".join(wrong)


def descriptors_raise():
    """wrk needs one for each connection."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", default="", help="a pattern of the rows to measure")
    parser.add_argument("--seconds", type=int, default=4, help="of one round of one row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-many", action="store_true", help="do not make 10,000,000 links")
    parser.add_argument("--json", default="bench.json", help="where everything goes, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    descriptors_raise()
    load, figures = os.getloadavg()[0], {}
    with places.Places() as servers:
        results = report.results_of(rounds(servers, args))
        if "l1" in servers.started:
            figures["worker MiB"] = worker_mib(servers.get("l1").stack)
        report.show(results)
        counts, wrong = clicks(servers)
    more = others(args)
    if not results and not more:
        parser.error(f"no row matches {args.rows}")
    figures.update(report.figures_of(more))
    report.show_bars(report.bars(results, figures), bool(args.rows))
    document = report.document(results, figures, load_before=load, seconds=args.seconds, rounds=args.rounds,
                               clicks=counts, **more)
    pathlib.Path(args.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if wrong:
        raise SystemExit(wrong)


if __name__ == "__main__":
    main()

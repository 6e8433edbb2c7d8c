#!/usr/bin/python3
"""Writes: each row as a ratio to what PostgreSQL's own programs do with the same data.

usage: write.py [--seconds S] [--rounds R] [--rows N] [--json FILE]

POST /urls through nginx against pgbench, which sends the statement that terse-worker holds through
the same PgBouncer from as many clients. POST /urls/bulk against psql's \\copy of the same file into
the same table, emptied before each. Starts a stack of its own (TERSE_BUILD: the build folder) with
fsync on. The two sides of a row take turns; `by CPU` is the ratio if each had the cores to itself,
the load generator included, and `others` the share of the cores that was taken by what is no part
of the benchmark.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import statistics
import string
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

import load  # noqa: E402
import meter  # noqa: E402
from servers import home_new  # noqa: E402
from stack import Stack  # noqa: E402

USERS = 1000
OWNER, TARGET, TITLE = 7, "https://example.com/some/path", "a title"
COLUMNS = "id,user_id,short_code,original_url,title,is_active,created_at,updated_at"
# By the workers there are: more clients would only queue for one.
CLIENTS = (8, 16)
BARS = {"post": 0.7, "import": 0.3}


def statement():
    """What url_insert sends, as the program holds it, with pgbench's variables as parameters."""
    program = (pathlib.Path(os.environ["TERSE_BUILD"]) / "terse-worker").read_bytes()
    (text,) = re.findall(rb"WITH owner AS [^\0]*INSERT INTO urls [^\0]*", program)
    names = {"$1": ":owner::bigint", "$2": ":code::text", "$3": ":target::text", "$4": ":title::text",
             "$5": ":drawn"}
    return re.sub(r"\$[1-5]", lambda found: names[found.group()], text.decode())


def write_csv(path, n, seed):
    """n new urls in the form of a backup: ids from 1, codes as terse draws them."""
    draw, letters = random.Random(seed), string.ascii_letters + string.digits
    with path.open("w", encoding="utf-8") as out:
        out.write(COLUMNS + "\n")
        for i in range(1, n + 1):
            code = "".join(draw.choices(letters, k=7))
            out.write(f"{i},{draw.randint(1, USERS)},{code},https://example.com/young/uplink/{i},"
                      "Quarterly brief pioneer,True,2025-12-29 00:57:12,2026-01-21 06:47:26\n")


class Writes:
    """The stack, the files, and what is done with them; each side of a row is a method."""

    def __init__(self, stack, home, n):
        self.stack, self.n = stack, n
        self.pooler = f"host={stack.run} port=6432 user=terse_app dbname=terse password={stack.secret('db_app')}"
        self.direct = f"host={stack.run} user=postgres dbname=terse password={stack.secret('db_super')}"
        self.script, self.csv = home / "insert.sql", home / "urls.csv"
        self.script.write_text(f"\\set owner {OWNER}\n\\set drawn true\n"
                               f"\\set code random(1000000000000, 9000000000000)\n{statement()};\n", encoding="utf-8")
        write_csv(self.csv, n, seed=n)
        stack.sql(f"INSERT INTO users (username, email) SELECT i, i FROM generate_series(1, {USERS}) AS i")
        # It would come to one side of a row or to the other.
        stack.sql("ALTER TABLE urls SET (autovacuum_enabled = off)")

    def empty(self):
        self.stack.sql("TRUNCATE urls, events, outbox, deleted_urls")
        self.stack.sql("CHECKPOINT")

    def counts(self):
        return self.stack.sql("SELECT (SELECT count(*) FROM urls), (SELECT count(*) FROM events)")[0]

    def pgbench(self, clients, seconds):
        output, us = load.child(
            ["pgbench", "-n", "-M", "extended", "-f", self.script, "-D", f"target={TARGET}", "-D", f"title={TITLE}",
             "-c", clients, "-j", "2", "-T", seconds, self.pooler])
        done = int(re.search(r"actually processed: (\d+)", output).group(1))
        return {"done": done, "rate": float(re.search(r"tps = ([\d.]+)", output).group(1)), "load_us": us,
                "errors": int(re.search(r"failed transactions: (\d+)", output).group(1))}

    def post(self, clients, seconds):
        body = json.dumps({"original_url": TARGET, "title": TITLE, "user_id": OWNER})
        run = load.judged(load.wrk(self.stack.url + "/urls", clients, seconds, "post", body), 201, is_visit=False)
        return {**run, "done": run["requests"], "rate": run["requests"] / run["seconds"]}

    def copy(self, *_):
        began = time.monotonic()
        # Past PgBouncer: its role may not run a statement for so long.
        _, us = load.child(["psql", "-X", "-q", "-c", f"\\copy urls ({COLUMNS}) FROM '{self.csv}' CSV HEADER",
                            self.direct])
        return self.imported(began, us, self.n)

    def bulk(self, *_):
        began = time.monotonic()
        output, us = load.child(["curl", "-s", "-H", "Content-Type: text/csv", "-H", "Expect:", "-X", "POST",
                                 "-T", self.csv, self.stack.url + "/urls/bulk"])
        return self.imported(began, us, json.loads(output)["imported"])

    def imported(self, began, us, told):
        seconds = time.monotonic() - began
        wrong = abs(self.n - told) + abs(self.n - self.counts()[0])
        return {"done": self.n, "rate": self.n / seconds, "load_us": us, "errors": wrong}

    def cpu_us(self):
        """As meter.cpu_us, with what PostgreSQL's sessions had used when they ended."""
        used = meter.cpu_us(self.stack.state)
        for pid in self.stack.pids("postgres"):
            with contextlib.suppress(FileNotFoundError):  # it has ended, and has waited for nobody
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                used["PostgreSQL"] += (int(fields[13]) + int(fields[14])) * meter.TICK_US
        return used

    def measure(self, side, *args):
        """One run of one side, on empty tables; every url that was counted is there, with its event."""
        self.empty()
        noise, before = meter.Noise(), self.cpu_us()
        run = side(*args)
        used = self.cpu_us()
        used.subtract(before)
        urls, events = self.counts()
        if urls < run["done"] or (side in (self.post, self.pgbench) and events != urls):
            raise SystemExit(f"{side.__name__}: {run['done']} counted, {urls} urls and {events} events stored")
        return {**run, "others": noise.others(used.total()), "load_us": run["load_us"] / run["done"],
                "cpu_us": {part: us / run["done"] for part, us in used.items()}}

    def peak_mib(self):
        """The most memory that an API worker has ever had."""
        pids = self.stack.pids("api-a", "terse-worker") + self.stack.pids("api-b", "terse-worker")
        status = "\n".join(pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids)
        return round(max(int(kib) for kib in re.findall(r"VmHWM:\s+(\d+)", status)) / 1024, 1)


def median(runs, name):
    return statistics.median(run[name] for run in runs)


def cost_us(run):
    return sum(run["cpu_us"].values()) + run["load_us"]


def row(key, name, unit, pairs, **more):
    """pairs: (ours, theirs) of each round."""
    ours, theirs = zip(*pairs)
    parts = {part for run in ours for part in run["cpu_us"]}
    return {
        "key": key, "name": name, "unit": unit, "bar": BARS[key],
        "rate": round(median(ours, "rate")), "reference_rate": round(median(theirs, "rate")),
        "ratio": round(median(ours, "rate") / median(theirs, "rate"), 3),
        "ratio_rounds": [round(a["rate"] / b["rate"], 3) for a, b in pairs],
        "ratio_by_cpu": round(statistics.median(map(cost_us, theirs)) / statistics.median(map(cost_us, ours)), 3),
        **{figure: round(median(ours, figure), 2) for figure in ("p50_ms", "p95_ms", "p99_ms") if figure in ours[0]},
        "cpu_us": {part: round(statistics.median(run["cpu_us"].get(part, 0) for run in ours), 1) for part in parts},
        "errors": sum(run["errors"] for run in ours + theirs),
        "others": round(statistics.median(run["others"] for run in ours + theirs), 2), **more,
    }


def rows(rounds, seconds, n):
    """One dict for each row; n: urls in the imported file."""
    with Stack(TERSE_FSYNC="on", TERSE_API_WORKERS=max(CLIENTS) // 2) as stack, home_new() as home:
        writes, found = Writes(stack, home, n), []
        for clients in CLIENTS:
            pairs = [(writes.measure(writes.post, clients, seconds), writes.measure(writes.pgbench, clients, seconds))
                     for _ in range(rounds)]
            found.append(row("post", f"POST /urls, {clients} clients / pgbench", "requests/s", pairs))
        pairs = [(writes.measure(writes.bulk), writes.measure(writes.copy)) for _ in range(rounds)]
        found.append(row("import", f"POST /urls/bulk, {n:,} urls / psql \\copy", "urls/s", pairs,
                         peak_mib=writes.peak_mib()))
    return found


def show(found):
    print(meter.markdown(
        ["row", "ratio", "rounds", "by CPU", "bar", "rate", "reference", "p50 ms", "p99 ms", "peak MiB", "errors",
         "others"],
        [[r["name"], f"{r['ratio']:.2f}", f"{min(r['ratio_rounds']):.2f}-{max(r['ratio_rounds']):.2f}",
          f"{r['ratio_by_cpu']:.2f}", f"{r['bar']:.1f}", f"{r['rate']} {r['unit']}", str(r["reference_rate"]),
          str(r.get("p50_ms", "")), str(r.get("p99_ms", "")), str(r.get("peak_mib", "")), str(r["errors"]),
          f"{r['others']:.0%}"] for r in found]))
    parts = sorted({part for r in found for part in r["cpu_us"]}, key=lambda part: -found[0]["cpu_us"].get(part, 0))
    print("\nCPU microseconds per request or url, by part:\n\n" + meter.markdown(
        ["row", *parts], [[r["name"], *(f"{r['cpu_us'].get(part, 0):.1f}" for part in parts)] for r in found]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=4, help="of one round of POST and of pgbench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="urls in the imported file")
    parser.add_argument("--json", default="write.json", help="where the rows go, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    found = rows(args.rounds, args.seconds, args.rows)
    show(found)
    pathlib.Path(args.json).write_text(json.dumps({"cores": os.cpu_count(), "rows": found}, indent=1) + "\n",
                                       encoding="utf-8")


if __name__ == "__main__":
    main()

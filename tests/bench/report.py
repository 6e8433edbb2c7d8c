"""What a run has found: medians of rows, the tables, the bars, the JSON document."""

import dataclasses
import os
import pathlib
import platform
import statistics
import subprocess
import time

import meter
import rows

HERE = pathlib.Path(__file__).resolve().parent
KEYS = {row.key for row in rows.ROWS}
RUN_FIGURES = ("p50_ms", "p95_ms", "p99_ms", "load_us", "lag_s", "moved", "drain_s", "others")


def median(runs, name):
    """None: no run has this figure."""
    found = [run[name] for run in runs if name in run]
    return round(statistics.median(found), 2) if found else None


def share_of_layers(runs):
    """{layer: share} of the codes that were looked up."""
    counts = {layer: sum(run["layers"][layer] for run in runs) for layer in meter.LAYERS}
    total = sum(counts.values())
    return {layer: round(n / total, 3) for layer, n in counts.items() if n}


def result(row, runs, base):
    """base: the runs of nginx alone in the same rounds; none: no ratio."""
    rate = statistics.median(run["rate"] for run in runs)
    ratios = [run["rate"] / of["rate"] for run, of in zip(runs, base)]
    parts = {part for run in runs for part in run["cpu_us"]}
    return {
        "key": row.key, "name": row.name, "connections": row.connections, "ingest": row.ingest,
        "requests_per_s": round(rate),
        "ratio": round(rate / statistics.median(of["rate"] for of in base), 3) if base else None,
        "ratio_rounds": [round(ratio, 3) for ratio in ratios],
        **{name: median(runs, name) for name in RUN_FIGURES},
        "errors": sum(run["errors"] for run in runs),
        "layers": share_of_layers(runs),
        "cpu_us": {part: round(statistics.median(run["cpu_us"].get(part, 0) for run in runs), 1) for part in parts},
        **({"beside": [run["beside"] for run in runs]} if "beside" in runs[0] else {}),
    }


def text(value, form="{:.1f}"):
    return "" if value is None else form.format(value)


def span(found):
    return f"{min(found):.2f}-{max(found):.2f}" if found else ""


def show(results):
    if not results:
        return
    print(meter.markdown(
        ["row", "ingest", "conn.", "ratio", "rounds", "requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU us",
         "load's us", "lag s", "moved", "errors", "others"],
        [[r["name"], r["ingest"], str(r["connections"]), text(r["ratio"], "{:.2f}"), span(r["ratio_rounds"]),
          str(r["requests_per_s"]), text(r["p50_ms"]), text(r["p95_ms"]), text(r["p99_ms"]),
          f"{sum(r['cpu_us'].values()):.0f}", text(r["load_us"]), text(r["lag_s"], "{:.2f}"),
          text(r["moved"], "{:.0%}"), str(r["errors"]),
          f"{r['others']:.0%}"] for r in results]))
    used = {part for r in results for part in r["cpu_us"]}
    parts = sorted(used, key=lambda part: -sum(r["cpu_us"].get(part, 0) for r in results))
    print("\nCPU microseconds per request, by part, and the layers that knew the code:\n\n" + meter.markdown(
        ["row", "ingest", "conn.", *parts, "layers"],
        [[r["name"], r["ingest"], str(r["connections"]), *(f"{r['cpu_us'].get(part, 0):.1f}" for part in parts),
          ", ".join(f"{layer} {share:.1%}" for layer, share in r["layers"].items())] for r in results]) + "\n")


class Found:
    """Results and single figures, as the bars ask for them; what was not measured is a KeyError."""

    def __init__(self, results, figures):
        self.results, self.figures = {r["key"]: r for r in results}, figures

    def of(self, key, name):
        assert key in KEYS, key
        return self.results[key][name]

    def most(self, name):
        """The largest of all rows that have this figure."""
        known = [r[name] for r in self.results.values() if r[name] is not None]
        if not known:
            raise KeyError(name)
        return max(known)

    def rates(self, key, base):
        return self.of(key, "requests_per_s") / self.of(base, "requests_per_s")

    def costs(self, key, base):
        """What the rates' ratio would be if both rows had all cores to themselves: the CPU that
        a request of each takes, the load generator's too. It hardly moves with others' work."""
        spent = [sum(self.of(row, "cpu_us").values()) + self.of(row, "load_us") for row in (base, key)]
        return spent[0] / spent[1]


AT_LEAST, AT_MOST = "at least", "at most"


@dataclasses.dataclass(frozen=True)
class Bar:
    what: str
    sense: str
    limit: float
    how: callable  # of Found
    by_cpu: callable = None


def faster(what, key, base, limit):
    """A row's rate is at least so much of another's."""
    return Bar(what, AT_LEAST, limit, lambda found: found.rates(key, base), lambda found: found.costs(key, base))


def member(what, key, name, limit):
    """A figure of a row is at most so much."""
    return Bar(what, AT_MOST, limit, lambda found: found.of(key, name))


def figure(what, name, sense, limit):
    return Bar(what, sense, limit, lambda found: found.figures[name], lambda found: found.figures[name + " by CPU"])


BARS = [
    faster("L1 hit / constant worker, ingest paused", "l1 paused", "constant", 0.90),
    faster("L1 hit / constant worker, ingest keeping up", "l1", "constant", 0.70),
    Bar("most lag of ingest in any row, s", AT_MOST, 5, lambda found: found.most("lag_s")),
    figure("ingest on its own, clicks/s", "ingest clicks/s", AT_LEAST, 50_000),
    faster("L1 hit / nginx + Lua + Redis, ingest paused", "l1 paused", "lua", 1.0),
    faster("L1 hit / nginx + Lua + Redis, ingest keeping up", "l1", "lua", 1.0),
    faster("L1 hit / Flask, ingest paused", "l1 paused", "flask", 10),
    faster("L1 hit / Flask, ingest keeping up", "l1", "flask", 10),
    member("errors at 5,000 connections, ingest paused", "l1 5000 paused", "errors", 0),
    member("errors at 5,000 connections, ingest keeping up", "l1 5000", "errors", 0),
    member("p99 at 500 connections, ms, ingest paused", "l1 500 paused", "p99_ms", 100),
    member("p99 at 500 connections, ms, ingest keeping up", "l1 500", "p99_ms", 100),
    figure("private memory of a redirect worker, MiB", "worker MiB", AT_MOST, 3),
    faster("10,000,000 links / 10,000 links, ingest paused", "many paused", "zipf paused", 0.85),
    faster("10,000,000 links / 10,000 links, ingest keeping up", "many", "zipf", 0.85),
    faster("hits beside slow misses / alone", "hits misses", "hits", 0.8),
    figure("POST /urls / pgbench", "post/pgbench", AT_LEAST, 0.7),
    figure("import / psql \\copy", "import/copy", AT_LEAST, 0.3),
]


def figures_of(more):
    """The figures that the bars want of other benchmarks' rows: the least, if several have a key."""
    found = {}
    for key, name in (("post", "post/pgbench"), ("import", "import/copy")):
        of_key = [row for row in more.get("write", []) if row["key"] == key]
        if of_key:
            found[name] = min(row["ratio"] for row in of_key)
            found[name + " by CPU"] = min(row["ratio_by_cpu"] for row in of_key)
    if more.get("ingest"):
        found["ingest clicks/s"] = min(row["clicks_per_s"] for row in more["ingest"])
    return found


def value_of(how, found):
    """None: not measured."""
    try:
        return round(how(found), 3) if how else None
    except KeyError:
        return None


def bars(results, figures):
    """[{what, measured, by_cpu, sense, wanted, ok}]; None for what was not measured."""
    found, done = Found(results, figures), []
    for bar in BARS:
        measured = value_of(bar.how, found)
        is_met = measured is not None and (measured >= bar.limit if bar.sense == AT_LEAST else measured <= bar.limit)
        done.append({"what": bar.what, "measured": measured, "by_cpu": value_of(bar.by_cpu, found),
                     "sense": bar.sense, "wanted": bar.limit, "ok": None if measured is None else is_met})
    return done


def show_bars(found, is_part):
    """is_part: bars that were not measured are not missed."""
    found = [b for b in found if b["measured"] is not None or not is_part]
    word = {True: "ok", False: "missed", None: "not measured"}
    print("bars:\n\n" + meter.markdown(
        ["bar", "measured", "by CPU", "", "wanted", ""],
        [[b["what"], text(b["measured"], "{:,.2f}"), text(b["by_cpu"], "{:,.2f}"), b["sense"], f"{b['wanted']:,}",
          word[b["ok"]]] for b in found]) + "\n")


def commit():
    done = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip()


def machine():
    model = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {"cores": os.cpu_count(), "cpu": model[0] if model else platform.machine(),
            "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
            "kernel": platform.release()}


def noise(results):
    """The share of the cores that others took: median and worst of the rows."""
    others = [r["others"] for r in results]
    return {"median": round(statistics.median(others), 2), "most": max(others)}


def document(results, figures, **more):
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit(), "machine": machine(),
            "noise": noise(results) if results else None, **more, "rows": results, "figures": figures,
            "bars": bars(results, figures)}


def base_of(row, runs):
    """The runs of nginx alone at the same number of connections."""
    bare = next((other for other in runs if other.place == "nginx" and other.connections == row.connections), None)
    return runs.get(bare, [])


def results_of(runs):
    """runs: {row: [run of each round]}"""
    return [result(row, found, base_of(row, runs)) for row, found in runs.items()]

"""Figures of load tests as tables and files. No path of this machine gets into them."""

import json
import os
import platform
import time

import meter
from k6 import HERE

DOCS = HERE.parents[1] / "docs/load"


def verdict(row):
    if "broke_at" not in row:
        return "missed" if row["missed"] else "met"
    broke = f"broke at {row['broke_at']}/s" if row["broke_at"] else "did not break"
    return f"{broke}, held {row['held']}/s"


def named(rows):
    """(row, phase, what it is called) of each phase."""
    for row in rows:
        for phase in row["phases"]:
            yield row, phase, row["name"] if len(row["phases"]) == 1 else f"{row['name']}: {phase['name']}"


def rates(rows):
    """A line per phase; what is of the whole scenario stands in the first one's."""
    lines = []
    for row, phase, name in named(rows):
        whole = [str(row["connections"]), str(row["syns_lost"]), str(row["errors"]),
                 f"{row['others']:.0%}", verdict(row)]
        lines.append([name, *(str(phase[key]) for key in ("seconds", "users")),
                      "-".join(map(str, dict.fromkeys(phase["planned_per_s"]))),
                      *(str(phase[key]) for key in ("requests_per_s", "dropped", "in_flight")),
                      *(whole if phase is row["phases"][0] else [""] * len(whole))])
    return meter.markdown(["scenario", "s", "users", "planned/s", "answered/s", "dropped", "in flight", "connections",
                           "lost SYNs", "errors", "others", "thresholds"], lines)


def times(rows):
    kinds = list(rows[0]["phases"][0]["duration_ms"])
    return meter.markdown(["scenario", *kinds], [
        [name, *(" / ".join(f"{phase['duration_ms'][kind][of]:.0f}" for of in ("med", "p(95)", "p(99)"))
                 for kind in kinds)] for _, phase, name in named(rows)])


def work(rows):
    parts = [*dict.fromkeys(meter.PARTS.values()), meter.OTHER]
    return meter.markdown(
        ["scenario", *parts, "service", "k6", "k6 MiB", "busy", "drain s"],
        [[r["name"], *(f"{r['cpu_us'].get(part, 0):.0f}" for part in parts), f"{sum(r['cpu_us'].values()):.0f}",
          f"{r['k6_cpu_us']:.0f}", str(r["k6_rss_mib"]), f"{r['busy']:.0%}", f"{r['drain_s']:.1f}"] for r in rows])


def memory(rows):
    parts = [*dict.fromkeys(meter.PARTS.values()), meter.OTHER]
    return meter.markdown(["scenario", *parts], [
        [r["name"], *(f"{m['processes']}: {m['kib'] / 1024:.1f} (+{m['kib_grown'] / 1024:.1f})" if m else ""
                      for m in map(r["memory"].get, parts))] for r in rows])


def tables(rows):
    return "\n\n".join((
        rates(rows),
        "Milliseconds that 50 % / 95 % / 99 % of each kind's requests took:", times(rows),
        "CPU microseconds per request, by part; how busy the cores were, others included; seconds until all clicks "
        "were in the database:", work(rows),
        "Processes and their private memory in MiB at the end (the most that one grew by since a fifth of the time):",
        memory(rows),
        *(f"{r['name']}: {n} times wrong: {what}" for r in rows for what, n in r["wrong"].items()),
        *(f"{r['name']}: missed: {', '.join(r['missed'])}" for r in rows if r["missed"]),
        *(f"{r['name']}: broke by {', '.join(r['broke_by'])}" for r in rows if r.get("broke_by")))) + "\n"


def machine():
    """Where and when."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
            "cpu": models[0] if models else platform.machine(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
            "load_before": round(os.getloadavg()[0], 1)}


def keep(row, summary):
    """A scenario's own file: our figures, and all of k6's."""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / f"{row['name']}.json").write_text(
        json.dumps({**row, "k6": summary["metrics"]}, indent=1) + "\n", encoding="utf-8")


def write(names):
    """The tables of all files that are there, in the order of names."""
    files = [DOCS / f"{name}.json" for name in names]
    rows = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    runs = {row["date"]: f"- {row['date']}: {row['cores']} cores ({row['cpu']}), {row['memory_gib']} GiB, Linux "
            f"{row['kernel']}, load average {row['load_before']} before" for row in rows}
    (DOCS / "report.md").write_text(
        "# Load tests\n\nREADME.md says what the scenarios are and how to run them; k6 works on the same cores.\n\n"
        + "\n".join(runs.values()) + "\n\n" + tables(rows), encoding="utf-8")

"""Figures of load tests as tables and files. No path of this machine gets into them."""

import json
import os
import platform
import time

import meter
from k6 import HERE

DOCS = HERE.parents[1] / "docs/load"


def milliseconds(row, kind):
    found = row["duration_ms"][kind]
    return " / ".join(f"{found[name]:.0f}" for name in ("med", "p(95)", "p(99)"))


def verdict(row):
    if "broke_at" in row:
        return f"broke at {row['broke_at']}/s, held {row['passed_at']}/s" if row["broke_at"] else f"held {row['passed_at']}/s"
    return "missed" if row["missed"] else "met"


def rates(rows):
    head = ["scenario", "s", "connections", "offered/s", "answered/s", "dropped", "failed", "in flight", "others", "thresholds"]
    return meter.markdown(head, [
        [r["name"], f"{r['seconds']:.0f}", str(r["connections"]), str(r["offered_per_s"]), str(r["requests_per_s"]),
         str(r["dropped"]), str(r["failed"]), str(r["in_flight"]), f"{r['others']:.0%}", verdict(r)] for r in rows])


def times(rows):
    kinds = list(rows[0]["duration_ms"])
    return meter.markdown(["scenario", *kinds], [[r["name"], *(milliseconds(r, kind) for kind in kinds)] for r in rows])


def work(rows):
    parts = [*dict.fromkeys(meter.PARTS.values()), meter.OTHER]
    return meter.markdown(
        ["scenario", *parts, "service", "k6", "k6 MiB", "busy", "drain s"],
        [[r["name"], *(f"{r['cpu_us'].get(part, 0):.0f}" for part in parts), f"{sum(r['cpu_us'].values()):.0f}",
          f"{r['k6_cpu_us']:.0f}", str(r["k6_rss_mib"]), f"{r['busy']:.0%}", f"{r['drain_s']:.1f}"] for r in rows])


def memory(rows):
    parts = [*dict.fromkeys(meter.PARTS.values()), meter.OTHER]
    nothing = {"kib": 0, "kib_more": 0, "files": 0, "files_more": 0}
    return meter.markdown(["scenario", *parts], [
        [r["name"], *(f"{m['kib'] / 1024:.1f} ({m['kib_more'] / 1024:+.1f}), {m['files']} ({m['files_more']:+})"
                      for m in (r["memory"].get(part, nothing) for part in parts))] for r in rows])


def text(rows):
    """All tables."""
    return "\n\n".join((
        rates(rows),
        "Milliseconds that 50 % / 95 % / 99 % of each kind's requests took:", times(rows),
        "CPU microseconds per request, by part; how busy the cores were, others included; seconds until all clicks "
        "were in the database:", work(rows),
        "Private memory in MiB and open files at the end, by part (since a fifth of the time):", memory(rows),
        *(f"{r['name']}: missed: {', '.join(r['missed'])}" for r in rows if r["missed"]))) + "\n"


def machine():
    """Where and when."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
            "cpu": models[0] if models else platform.machine(), "kernel": platform.release(),
            "memory_gib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**30}


def keep(folder, row, summary):
    """One file per scenario: our figures, and k6's."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{row['name']}.json").write_text(
        json.dumps({**row, "k6": summary["metrics"]}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def keep_all(folder, rows, here):
    (folder / "report.md").write_text(
        f"# Load tests of {here['date']}\n\n{here['cores']} cores ({here['cpu']}), {here['memory_gib']} GiB, "
        f"Linux {here['kernel']}; k6 on the same cores. README.md says what the scenarios are.\n\n" + text(rows),
        encoding="utf-8")

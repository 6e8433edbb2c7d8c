"""Runs k6 and reads what it found."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOOL = HERE.parents[1] / "ci/tool"
THRESHOLDS_MISSED = 99  # k6's exit status
FRUGAL = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}  # with the CPU that it shares with the service


def find(install=False):
    """k6's path: the one in the PATH, or in the cache; install: built there first. None: there is none."""
    found = shutil.which("k6")
    if found:
        return found
    words = ["k6"] if install else ["--built", "k6"]
    done = subprocess.run([TOOL, *words], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or None


def command(program, script, given):
    """It ends when we do."""
    words = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
    return ["setpriv", "--pdeathsig", "TERM", program, "run", "--quiet", "--no-color", "--no-usage-report",
            "--address", "", *words, HERE / script]


def run(program, script, given):
    """(k6's summary, its own use of CPU and memory, {what was wrong with answers: how often})"""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as complaints:
        summary = pathlib.Path(folder, "summary.json")
        process = subprocess.Popen(command(program, script, {**given, "SUMMARY": summary}),
                                   env={**os.environ, **FRUGAL}, stderr=complaints)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        complaints.seek(0)
        said = complaints.read()
        if process.returncode not in (0, THRESHOLDS_MISSED) or not summary.exists():
            raise SystemExit("\n".join([*said.splitlines()[-5:], f"k6 failed: {process.returncode}"]))
        return (json.loads(summary.read_text(encoding="utf-8")),
                {"cpu_us": (usage.ru_utime + usage.ru_stime) * 1e6, "rss_mib": usage.ru_maxrss // 1024},
                collections.Counter(re.findall(r'msg="wrong (.*?)"', said)))


def missed(summary):
    """The thresholds that were not met: texts like `http_reqs{kind:list} count>0`."""
    return [f"{name} {threshold}" for name, metric in summary["metrics"].items()
            for threshold, found in metric.get("thresholds", {}).items() if not found["ok"]]


def value(summary, metric, name):
    """A figure of the summary; 0: there was no sample."""
    return summary["metrics"].get(metric, {"values": {}})["values"].get(name, 0)

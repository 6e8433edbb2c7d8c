"""Loads: each puts one row's place under load for some seconds and says what came of it.

A run is a dict: requests, seconds, errors, visits (clicks that must follow), load_us (CPU of the
load generator) and, where they can be told, p50_ms, p95_ms, p99_ms.
"""

import json
import os
import pathlib
import re
import subprocess
import threading
import time

import links

SCRIPT = pathlib.Path(__file__).resolve().parent / "load.lua"
WRITE_EVERY = 100  # of the mix: 1 % are writes
MISS_CLIENTS = 8


def child(argv):
    """(standard output, CPU microseconds) of a program that must succeed."""
    with subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, text=True) as program:
        output = program.stdout.read()
        _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise SystemExit(f"{argv[0]}: status {program.returncode}: {output}")
    return output, round((usage.ru_utime + usage.ru_stime) * 1e6)


def wrk(url, connections, seconds, *script, threads=2):
    """What load.lua prints, and the CPU that wrk has used."""
    output, us = child(["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                        "-s", SCRIPT, url, "--", *script])
    return {**json.loads(re.search(r"^\{.*\}$", output, re.M).group()), "load_us": us}


def judged(run, status=302, is_visit=True):
    """The run, when `status` is the right answer: a wrong one and none are errors."""
    right = run["requests"] - run["refused"] if status < 400 else run["refused"]
    return {**run, "errors": run["requests"] - right + run["failed"],
            "visits": max(0, right - run["writes"]) if is_visit and status < 400 else 0}


def hit(place, connections, seconds):
    """One link, over and over."""
    return judged(wrk(place.link, connections, seconds))


def hit_tls(place, connections, seconds):
    return judged(wrk(place.link.replace(place.stack.url, place.stack.tls_url), connections, seconds))


def unknown(place, connections, seconds):
    return judged(wrk(place.url + "/no-such-code", connections, seconds), status=404)


def zipf(place, connections, seconds):
    return judged(wrk(place.url, connections, seconds, "zipf", links.HOT, 0))


def zipf_writes(place, connections, seconds):
    """Writes are answered with 200: what is refused would be an error."""
    return judged(wrk(place.url, connections, seconds, "zipf", links.HOT, WRITE_EVERY))


def hit_beside_misses(place, connections, seconds):
    """Hits, while other clients ask for codes that only the database can tell to be unknown."""
    beside = {}

    def ask():
        beside.update(wrk(place.url, MISS_CLIENTS, seconds, "misses", f"none-{time.time_ns()}", threads=1))

    asking = threading.Thread(target=ask)
    asking.start()
    run = hit(place, connections, seconds)
    asking.join()
    # Refusals are what is right here; they may not be in time when the hits starve them.
    run["beside"] = {"requests_per_s": round(beside["requests"] / beside["seconds"], 1),
                     "p50_ms": beside["p50_ms"], "failed": beside["failed"]}
    run["load_us"] += beside["load_us"]
    return run


def handshakes(place, seconds, kind):
    """TLS connections, as fast as each of the cores can open them, with one redirect each."""
    address, path = place.stack.tls_url.removeprefix("https://"), place.link.removeprefix(place.stack.url)
    outputs = []

    def connect():
        outputs.append(child(["openssl", "s_time", kind, "-tls1_3", "-connect", address, "-www", path,
                              "-time", seconds]))

    began = time.monotonic()
    clients = [threading.Thread(target=connect) for _ in range(os.cpu_count())]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    took_s = time.monotonic() - began  # s_time knows whole seconds only
    if len(outputs) < len(clients):
        raise SystemExit("openssl s_time failed")
    counts = [int(re.findall(r"^(\d+) connections in \d+ real seconds", output, re.M)[-1]) for output, _ in outputs]
    return {"requests": sum(counts), "seconds": took_s, "errors": 0, "visits": 0,
            "load_us": sum(us for _, us in outputs)}


def handshakes_new(place, _, seconds):
    return handshakes(place, seconds, "-new")


def handshakes_resumed(place, _, seconds):
    return handshakes(place, seconds, "-reuse")

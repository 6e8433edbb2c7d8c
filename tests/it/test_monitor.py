"""terse-monitor: its gauges say what is so, whatever is away or hangs; spans reach a collector, or are counted."""

import contextlib
import json
import os
import pathlib
import secrets
import signal
import ssl
import subprocess
import time
import urllib.request

import pytest

from collector import Collector
from pools import metrics, total
from stack import Stack, free_port, is_sanitized, wait_for
from traffic import Traffic, read

PROGRAM = pathlib.Path(os.environ["TERSE_BUILD"], "terse-monitor")
DEPENDENCIES = {"postgres": "postgresql", "pgbouncer": "pgbouncer", "redis": "redis"}
RING_SPANS = 16384
HUNG_S = 5  # terse-monitor's deadline for an answer of the collector


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_MONITORING="core", TERSE_MONITOR_INTERVAL_MS=100, TERSE_TRACE_SAMPLE_PPM=0,
               TERSE_OTLP_URL=f"http://127.0.0.1:{free_port()}/v1/traces") as started:
        yield started


@pytest.fixture
def collector(stack):
    """Takes spans at once: what the tests before have left is gone."""
    url = stack.environment["TERSE_OTLP_URL"]
    with Collector(int(url.split(":")[2].split("/")[0])) as started:
        reached = ask(stack, 1)
        wait_for(lambda: reached <= started.traces(), 30)
        started.spans.clear()
        yield started
        assert not started.wrong


def ask(stack, n):
    """n requests, each of a trace that its client wants to be kept; returns the traces."""
    traces = {secrets.token_hex(16) for _ in range(n)}
    for trace in traces:
        headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
        with urllib.request.urlopen(urllib.request.Request(f"{stack.url}/urls?per_page=1", headers=headers),
                                    timeout=30) as reply:
            assert reply.status == 200
    return traces


def spans(stack, fate):
    return total(stack, "terse_trace_spans_total", fate=fate)


def is_up(stack, dependency):
    return total(stack, "terse_dependency_up", dependency=dependency) == 1


def all_up(stack):
    return all(is_up(stack, dependency) for dependency in DEPENDENCIES.values())


def resident_bytes(stack):
    return int(pathlib.Path(f"/proc/{stack.pids('monitor', 'terse-monitor')[0]}/statm").read_text().split()[1]) * 4096


def certificate_end(stack):
    pem = ssl.get_server_certificate(("127.0.0.1", stack.tls_port))
    text = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=pem, capture_output=True, text=True,
                          check=True).stdout
    return ssl.cert_time_to_seconds(text.strip().split("=")[1])


def test_gauges_say_what_is_so(stack):
    wait_for(lambda: all_up(stack))
    wait_for(lambda: total(stack, "terse_certificate_expiry_timestamp_seconds") == certificate_end(stack))
    now, disk = metrics(stack), os.statvfs(stack.journal)
    assert now["terse_journal_disk_size_bytes"] == disk.f_blocks * disk.f_frsize
    assert abs(now["terse_journal_disk_free_bytes"] - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert 0 < now["terse_host_memory_used_ratio"] < 1
    assert 0 <= now["terse_host_cpu_used_ratio"] <= 1
    assert now['terse_processes{program="monitor"}'] == 1
    assert all(0 <= now[f'terse_dependency_check_duration_seconds{{dependency="{name}"}}'] < 1
               for name in DEPENDENCIES.values())


def test_the_console_of_pgbouncer_is_read(stack):
    wait_for(lambda: total(stack, "terse_pgbouncer_servers") > 0)
    now = metrics(stack)
    assert now["terse_pgbouncer_pool_size"] > 2
    assert now['terse_pgbouncer_clients{state="active"}'] > 0
    assert now["terse_pgbouncer_max_wait_seconds"] == 0
    ask(stack, 50)
    wait_for(lambda: total(stack, "terse_pgbouncer_queries_total") >= now["terse_pgbouncer_queries_total"] + 50)
    assert total(stack, "terse_pgbouncer_seconds_total", effort="query") > 0


@pytest.mark.parametrize("service", DEPENDENCIES)
def test_a_dependency_goes_down_and_comes_back(stack, service):
    wait_for(lambda: all_up(stack))
    stack.sv("down", service)
    wait_for(lambda: not is_up(stack, DEPENDENCIES[service]))
    assert all(is_up(stack, other) for other in DEPENDENCIES.values() if other != DEPENDENCIES[service])
    stack.sv("up", service)
    wait_for(lambda: all_up(stack), 20)

    def lines():
        return [line for line in map(json.loads, stack.log("monitor").splitlines())
                if line.get("dependency") == DEPENDENCIES[service]]
    assert [line for line in lines() if line["msg"] == "dependency down" and line["diag"]]
    wait_for(lambda: lines()[-1]["msg"] == "dependency up")


@pytest.mark.parametrize("service", DEPENDENCIES)
def test_a_dependency_that_hangs_delays_no_other(stack, collector, service):
    """The others' figures are fresh, and spans still leave within two seconds."""
    wait_for(lambda: all_up(stack))
    traces = ask(stack, 1)
    stopped = stack.kill(service, sig=signal.SIGSTOP)
    try:
        began = time.monotonic()
        wait_for(lambda: not is_up(stack, DEPENDENCIES[service]))
        assert time.monotonic() - began < 4
        wait_for(lambda: traces <= collector.traces(), 4)
        assert all(is_up(stack, other) for other in DEPENDENCIES.values() if other != DEPENDENCIES[service])
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):  # it was about to end
                os.kill(pid, signal.SIGCONT)
    wait_for(lambda: all_up(stack), 20)
    stack.wait_ready()


def test_spans_reach_the_collector(stack, collector):
    before = spans(stack, "exported")
    traces = ask(stack, 20)
    wait_for(lambda: traces <= collector.traces())
    wait_for(lambda: spans(stack, "exported") >= before + len(traces))
    found = [span for span in collector.spans if span.trace in traces]
    assert {span.service for span in found} == {"terse-worker"}
    servers = [span for span in found if span.kind == 2]
    assert len(servers) == len(traces)
    assert all(span.attributes["http.response.status_code"] == "200" for span in servers)
    assert all(span.attributes["http.request.method"] == "GET" for span in servers)
    assert {span.name for span in servers} == {"url_list"}


@pytest.mark.parametrize("fault", [429, 503, 502, 504, (429, 1), (503, 1), "hang"], ids=str)
def test_nothing_is_lost_while_the_collector_is_busy(stack, collector, fault):
    before = spans(stack, "dropped"), spans(stack, "refused")
    collector.plan.extend([fault] * (1 if fault == "hang" else 3))
    traces = ask(stack, 20)
    wait_for(lambda: traces <= collector.traces(), 3 * HUNG_S)
    assert not collector.plan
    assert before == (spans(stack, "dropped"), spans(stack, "refused"))
    assert len({span.id for span in collector.spans}) == len(collector.spans)


@pytest.mark.parametrize("fault", [400, 413, 500])
def test_what_is_refused_is_counted_and_not_sent_again(stack, collector, fault):
    before = spans(stack, "refused")
    collector.plan.append(fault)
    lost = ask(stack, 1)
    wait_for(lambda: spans(stack, "refused") > before)
    kept = ask(stack, 1)
    wait_for(lambda: kept <= collector.traces())
    assert not lost & collector.traces()


def test_a_partial_success_is_counted(stack, collector):
    before = spans(stack, "refused")
    collector.plan.append(("reject", 1))
    ask(stack, 1)
    wait_for(lambda: spans(stack, "refused") == before + 1)


def test_a_collector_that_stays_away_costs_spans_and_nothing_else(stack, collector):
    """What the ring can't hold is counted, memory is bounded, and no request notices."""
    collector.always = 503
    before, calls = spans(stack, "dropped"), [read()]
    for call in calls:
        call.bytes = call.bytes.replace(b"\r\n\r\n", b"\r\ntraceparent: 00-" + b"ab" * 16 + b"-" + b"cd" * 8 +
                                        b"-01\r\n\r\n")
    memory = resident_bytes(stack)
    with Traffic(stack.port, calls) as traffic:
        wait_for(lambda: spans(stack, "dropped") > before + 1000, 120)
    assert not traffic.bad
    assert resident_bytes(stack) - memory < (64 if is_sanitized() else 16) << 20
    collector.always = None
    wait_for(lambda: len(collector.spans) >= RING_SPANS, 60)
    dropped = spans(stack, "dropped")
    traces = ask(stack, 5)
    wait_for(lambda: traces <= collector.traces(), 30)
    assert spans(stack, "dropped") == dropped


def test_the_log_says_once_that_spans_are_not_taken(stack, collector):
    def lines(msg):
        return stack.log("monitor").count(f'"msg":"{msg}"')
    before = lines("spans are not taken"), lines("spans are taken")
    collector.plan.extend([503] * 4)
    traces = ask(stack, 1)
    wait_for(lambda: traces <= collector.traces())
    wait_for(lambda: lines("spans are taken") == before[1] + 1)
    assert lines("spans are not taken") == before[0] + 1


def test_killed_it_comes_back_and_loses_nothing(stack, collector):
    collector.always = 503
    traces = ask(stack, 10)
    exported = spans(stack, "exported")
    killed = stack.kill("monitor", "terse-monitor")
    wait_for(lambda: stack.pids("monitor", "terse-monitor") not in ([], killed), 20)
    collector.always = None
    wait_for(lambda: traces <= collector.traces(), 20)
    wait_for(lambda: all_up(stack))
    assert spans(stack, "exported") >= exported + len(traces)


@pytest.mark.parametrize("name, value", [
    ("TERSE_MONITOR_INTERVAL_MS", "0"), ("TERSE_RUN_DIR", "/nonexistent/run"), ("TERSE_LOG_FILE", "/nonexistent/log")])
def test_it_says_why_it_can_not_start(name, value):
    done = subprocess.run([PROGRAM], env={name: value}, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert json.loads(done.stderr.splitlines()[-1])["msg"] == "can't start"
    assert name in done.stderr or value in done.stderr


def test_there_is_one_per_host(stack):
    environment = {"TERSE_SETTINGS": str(stack.state / "terse.env"), "TERSE_LOG_FILE": "-"}
    with subprocess.Popen([PROGRAM], env=environment, stderr=subprocess.PIPE, text=True) as second:
        assert '"msg":"waits"' in second.stderr.readline()
        second.terminate()
        assert second.wait(5) == 0


def test_it_ends_within_a_second(stack, collector):
    collector.always = "hang"
    ask(stack, 1)
    wait_for(lambda: collector.asked > 1)
    pid = stack.pids("monitor", "terse-monitor")[0]
    began = time.monotonic()
    stack.sv("down", "monitor")
    assert time.monotonic() - began < (5 if is_sanitized() else 2)
    assert pid not in stack.pids("monitor")
    stack.sv("up", "monitor")
    wait_for(lambda: all_up(stack))

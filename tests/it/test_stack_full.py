"""Everything that ./ci/up --full starts, on one stack: it is there, measures, stays on loopback, and harms nobody."""

import os
import pathlib
import re
import threading
import time
import urllib.error
import urllib.request

import pytest

from stack import Stack, wait_for

pytestmark = pytest.mark.full

CORE = {"monitor", "prometheus", "alertmanager"}
FULL = {"node-exporter", "process-exporter", "blackbox-exporter", "redis-exporter", "postgres-exporter",
        "mtail", "loki", "syslog-ng", "jaeger", "otelcol"}
JOBS = {"terse", "prometheus", "alertmanager", "node", "process", "blackbox", "blackbox-health", "blackbox-redirect",
        "blackbox-tls", "redis", "postgres", "nginx", "loki", "jaeger", "otelcol"}
SERIES = [
    'nginx_requests_total{upstream=~"api-.",status="200"}',
    'nginx_upstream_responses_total{upstream=~"redirect-.",status="404"}',
    'nginx_request_duration_seconds_bucket{upstream=~"api-.",le="+Inf"}',
    'pg_stat_statements_calls{job="postgres",rolname="terse_app"} > 0',
    'pg_table_bytes{table="urls"} > 0',
    'pg_up == 1',
    'terse_pgbouncer_pool_size > 0',
    'terse_dependency_up == 1',
    'probe_success{job="blackbox-health"} == 1',
    'probe_success{job="blackbox-redirect"} == 1',
    'probe_success{job="blackbox-tls"} == 1',
    'probe_ssl_earliest_cert_expiry{job="blackbox-tls"} > time()',
    'redis_up == 1',
    'node_load1',
    'namedprocess_namegroup_num_procs{groupname="terse-worker"} > 0',
    'loki_distributor_lines_received_total > 0',
    'jaeger_collector_spans_received_total',
    'otelcol_process_uptime_seconds_total > 0 or otelcol_process_uptime_total > 0',
]


@pytest.fixture(scope="module", name="stack")
def full_stack():
    with Stack(TERSE_MONITORING="full") as stack:
        yield stack


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


class Visitors(threading.Thread):
    """Asks until it is told to stop, and remembers the answers that are no answers."""

    def __init__(self, url):
        super().__init__()
        self.url, self.ended, self.asked, self.failed = url, threading.Event(), 0, []

    def run(self):
        while not self.ended.is_set():
            status = get(self.url)
            self.asked += 1
            if status != 200:
                self.failed.append(status)
            time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def open_files(pid):
    """What a process has open, as the kernel names it."""
    names = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(os.readlink(entry))
        except OSError:
            pass  # closed meanwhile
    return names


def listeners(pids):
    """Addresses, as the kernel writes them, that processes listen on by TCP or receive on by UDP."""
    inodes = set()
    for pid in pids:
        for name in open_files(pid):
            inodes.update(re.findall(r"^socket:\[(\d+)\]$", name))
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in inodes:
                found.add(fields[1].split(":")[0])
    return found


def counted(stack):
    """Requests that nginx has counted, by mtail."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.full_port + 5}/metrics", timeout=5) as reply:
        return sum(int(n) for n in re.findall(r"^nginx_requests_total\{.*\} (\d+)$", reply.read().decode(), re.M))


def unreached(stack):
    """Jobs of Prometheus that have no answer yet."""
    return sorted(JOBS - {job for job, health in stack.targets().items() if health == "up"})


def wait_reached(stack):
    wait_for(lambda: not (last := unreached(stack)) or print(last), 60, every=1)


def test_every_service_is_there_and_every_target_is_up(stack):
    assert CORE | FULL <= set(stack.services())
    assert stack.control("status").returncode == 0
    wait_reached(stack)


def test_every_job_measures(stack):
    def missing():
        assert get(stack.url + "/users") == 200
        assert get(stack.url + "/nobody0") == 404
        silent = [job for job in JOBS if not stack.prometheus(f'{{job="{job}",__name__!~"up|scrape_.*"}}')]
        return silent + [query for query in SERIES if not stack.prometheus(query)]

    wait_for(lambda: not (last := missing()) or print(last), 60, every=1)


def test_the_watchdog_reaches_alertmanager(stack):
    wait_for(lambda: stack.alerts(alertname="Watchdog"), 60)


def test_nothing_listens_beyond_the_loopback_address(stack):
    pids = [pid for name in CORE | FULL for pid in stack.pids(name)]
    assert listeners(pids)
    # 127.0.0.1, and ::1 and ::ffff:127.0.0.1, in the kernel's byte order.
    assert listeners(pids) <= {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def programs(stack):
    """Processes of each service, but for pauses of scripts."""
    return {name: [pid for pid in stack.pids(name) if pid not in stack.pids(name, "sleep")]
            for name in stack.services()}


def test_a_second_up_changes_nothing(stack):
    before = programs(stack)
    done = stack.control("start")
    assert done.returncode == 0, done.stderr
    assert programs(stack) == before


def test_a_new_file_of_the_access_log_costs_no_line(stack):
    log = stack.state / "log/nginx/access.log"
    first = os.readlink(log)
    before = counted(stack)
    with Visitors(stack.url + "/health") as visitors:
        with open(log, "a", encoding="ascii") as file:
            file.write(("-" * 99 + "\n") * 700_000)
        wait_for(lambda: os.readlink(log) != first, 10)
        time.sleep(1)  # of requests after it
    assert visitors.asked > 50 and not visitors.failed
    # The blackbox exporter and Prometheus ask as well: what matters is that none is missing.
    wait_for(lambda: counted(stack) >= before + visitors.asked, 20)


@pytest.mark.parametrize("name", sorted(CORE | FULL))
def test_it_is_back_when_it_was_killed_and_no_request_notices(stack, name):
    with Visitors(stack.url + "/health") as visitors:
        killed = stack.kill(name)
        wait_for(lambda: set(stack.pids(name)) - set(killed), 10)
        wait_for(lambda: len(stack.pids(name)) == len(killed), 10)
    assert visitors.asked and not visitors.failed


def test_they_answer_again(stack):
    wait_for(lambda: get(f"http://127.0.0.1:{stack.prometheus_port}/-/ready") == 200, 30)
    wait_reached(stack)


def test_with_less_monitoring_the_rest_ends(stack):
    for mode, left in (("core", CORE), ("off", set())):
        gone = {name: stack.pids(name) for name in (CORE | FULL) - left if name in stack.services()}
        done = stack.control("start", TERSE_MONITORING=mode)
        assert done.returncode == 0, done.stderr
        assert (CORE | FULL) & set(stack.services()) == left
        assert not [pid for pids in gone.values() for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]
        assert get(stack.url + "/users") == 200


def test_monitoring_comes_back_with_its_data_and_a_stop_leaves_nothing(stack):
    done = stack.control("start", TERSE_MONITORING="full")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: stack.targets().get("node") == "up", 30)
    assert stack.prometheus("min_over_time(probe_success[1h])")
    pids = [pid for name in stack.services() for pid in stack.pids(name)]
    stack.stop()
    assert not [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]

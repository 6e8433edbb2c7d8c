"""The stack itself: it starts, starts again, survives kill -9 of anything, and leaves nothing behind."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from stack import Stack, pids_in, wait_for
from wire import Api, check_problem

SERVICES = ("postgres", "redis", "pgbouncer", "ingest", "redirect-a", "redirect-b", "api-a", "api-b", "nginx")
POOLS = [service for service in SERVICES if service[:-2] in ("redirect", "api")]
BACK_S = 20


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_API_WORKERS=2, TERSE_REDIRECT_WORKERS=2) as started:
        yield started


@pytest.fixture
def client(stack):
    stack.wait_ready()
    return Api("127.0.0.1", stack.port, set())


def shorten(client, name):
    return client.post("/urls", {"original_url": f"https://example.org/{name}"}).json()["short_code"]


def works(client, code):
    """A redirect and a new link, or False."""
    try:
        return client.get("/" + code).status == 302 and bool(shorten(client, "again"))
    except (OSError, KeyError):
        return False


def main_pids(stack):
    return {service: (stack.state / "sv" / service / "supervise/pid").read_text().strip() for service in SERVICES}


def test_a_second_start_is_quick_and_changes_nothing(stack, client):
    before = main_pids(stack)
    began = time.monotonic()
    run = stack.control("start")
    assert run.returncode == 0, run.stderr
    assert time.monotonic() - began < 10
    assert main_pids(stack) == before
    assert client.get("/health").status == 200


def test_a_changed_setting_is_kept_and_restarts_only_what_it_concerns(stack, client):
    before, workers = main_pids(stack), {pool: set(stack.pids(pool, "terse-worker")) for pool in POOLS}
    assert stack.control("start", TERSE_REDIS_MAXMEMORY="64mb").returncode == 0
    after = main_pids(stack)
    assert "TERSE_REDIS_MAXMEMORY=64mb\n" in (stack.state / "terse.env").read_text()
    assert {name for name in SERVICES if before[name] != after[name]} == {"redis", "ingest"}
    assert not [pool for pool in POOLS if workers[pool] & set(stack.pids(pool, "terse-worker"))]
    assert stack.control("start").returncode == 0
    assert main_pids(stack) == after
    assert client.get("/health").status == 200


@pytest.mark.parametrize("name, value", [("TERSE_RATE_API", "many"), ("TERSE_HTTP_PORT", "0"),
                                         ("TERSE_LISTEN", "127.0.0.1; include x"), ("TERSE_API_WORKERS", "-1")])
def test_a_setting_that_cannot_be_is_named_and_stops_nothing(stack, client, name, value):
    kept = (stack.state / "terse.env").read_text()
    run = stack.control("start", **{name: value})
    assert run.returncode != 0
    assert name in run.stderr
    assert client.get("/health").status == 200
    assert (stack.state / "terse.env").read_text() == kept


def test_status_shows_each_service_and_says_whether_all_is_well(stack, client):
    run = stack.control("status")
    assert run.returncode == 0, run.stdout
    assert [line.split()[:2] for line in run.stdout.splitlines()[:-1]] == [[name, "up"] for name in SERVICES]
    assert stack.url in run.stdout
    stack.sv("down", "redis")
    try:
        run = stack.control("status")
        assert run.returncode == 1
        assert "redis             DOWN" in run.stdout
    finally:
        stack.sv("up", "redis")


def test_everything_runs_as_the_same_user_that_is_not_root(stack, client):
    owners = {os.stat(f"/proc/{pid}").st_uid for service in SERVICES for pid in stack.pids(service)}
    assert len(owners) == 1
    assert owners != {0}


def test_secrets_are_for_the_service_alone(stack):
    for name in ("secrets", "tls"):
        assert (stack.state / name).stat().st_mode & 0o077 == 0
    for path in ("secrets/pgpass", "etc/userlist.txt"):
        assert (stack.state / path).stat().st_mode & 0o077 == 0


def test_no_password_is_in_a_list_of_processes(stack, client):
    secrets = [stack.secret(path.name) for path in (stack.state / "secrets").iterdir() if path.name != "pgpass"]
    for pid in (pid for service in SERVICES for pid in stack.pids(service)):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            continue
        assert not any(secret in words for secret in secrets)


def test_nothing_but_nginx_listens_on_the_network(stack, client):
    """The sockets of all processes, held against the listening ones."""
    listening = {}
    for line in subprocess.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True,
                               check=False).stdout.splitlines():
        words = line.split()
        if words[3] == "0A":
            listening[f"socket:[{words[9]}]"] = words[1]
    for service in SERVICES:
        for pid in stack.pids(service):
            fds = (os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink())
            assert service == "nginx" or not listening.keys() & set(fds), service


@pytest.mark.parametrize("service, program", [
    ("postgres", None), ("postgres", "postgres"), ("redis", None), ("pgbouncer", None), ("ingest", None),
    ("redirect-a", "terse-worker"), ("redirect-a", "terse-pool"), ("redirect-b", None),
    ("api-a", "terse-worker"), ("api-a", "terse-pool"), ("api-b", None), ("nginx", None)])
def test_a_killed_service_comes_back_by_itself(stack, client, service, program):
    code = shorten(client, service)
    killed = set(stack.kill(service, program))
    wait_for(lambda: (found := set(stack.pids(service, program))) and not found & killed, BACK_S)
    stack.wait_ready(BACK_S)
    wait_for(lambda: works(client, code), BACK_S)


def test_a_killed_master_of_nginx_leaves_no_worker_on_its_ports(stack, client):
    code = shorten(client, "master")
    master = int(main_pids(stack)["nginx"])
    workers = set(stack.pids("nginx")) - {master}
    os.kill(master, signal.SIGKILL)
    wait_for(lambda: not workers & set(stack.pids("nginx")), BACK_S)
    stack.wait_ready(BACK_S)
    wait_for(lambda: works(client, code), BACK_S)


def test_a_killed_postmaster_is_replaced_while_its_children_still_end(stack, client):
    code = shorten(client, "postmaster")
    os.kill(int(main_pids(stack)["postgres"]), signal.SIGKILL)
    stack.wait_ready(BACK_S)
    wait_for(lambda: works(client, code), BACK_S)


@pytest.mark.parametrize("service", ["nginx", "postgres", "redirect-a", "api-b", "redis"])
def test_a_killed_supervisor_of_a_service_takes_it_over_again(stack, client, service):
    code = shorten(client, "runsv")
    (runsv,) = pids_in(stack.state / "sv" / service, "runsv")
    old = main_pids(stack)[service]
    os.kill(runsv, signal.SIGKILL)
    wait_for(lambda: pids_in(stack.state / "sv" / service, "runsv") not in ([], [runsv]), BACK_S)
    wait_for(lambda: main_pids(stack)[service] not in ("", old), BACK_S)
    wait_for(lambda: int(old) not in stack.pids(service), BACK_S)
    stack.wait_ready(BACK_S)
    wait_for(lambda: works(client, code), BACK_S)
    subprocess.run(["sv", "check", stack.state / "sv" / service], check=True, capture_output=True)


def test_without_the_supervisor_the_service_goes_on_and_the_next_start_brings_it_back(stack, client):
    code = shorten(client, "runsvdir")
    stack.kill("supervisor")
    assert works(client, code)
    assert stack.control("start").returncode == 0
    assert stack.pids("supervisor")
    assert works(client, code)
    killed = set(stack.kill("redis"))
    wait_for(lambda: (found := set(stack.pids("redis"))) and not found & killed, BACK_S)
    stack.wait_ready(BACK_S)


def test_a_worker_that_is_killed_costs_a_redirect_nothing(stack, client):
    """The pools' sockets stay, and nginx asks the other pool."""
    code = shorten(client, "kept")
    for _ in range(5):
        stack.kill("redirect-a", "terse-worker")
        assert {client.get("/" + code).status for _ in range(20)} == {302}
        wait_for(lambda: len(stack.pids("redirect-a", "terse-worker")) == 2, BACK_S)


def test_a_pool_that_is_down_costs_nothing(stack, client):
    code = shorten(client, "half")
    for pool in POOLS:
        stack.sv("down", pool)
        try:
            assert {client.get("/" + code).status for _ in range(10)} == {302}
            assert {client.get("/urls?per_page=1").status for _ in range(10)} == {200}
        finally:
            stack.sv("up", pool)


def test_without_any_worker_the_answer_is_an_honest_503(stack, client):
    code = shorten(client, "none")
    for pool in POOLS:
        stack.sv("down", pool)
    try:
        for target in ("/" + code, "/urls", f"/urls/{code}/redirect"):
            reply = client.get(target)
            assert reply.status == 503
            check_problem(reply)
    finally:
        for pool in POOLS:
            stack.sv("up", pool)
    wait_for(lambda: works(client, code), BACK_S)


def test_a_request_in_flight_outlives_a_stop_of_its_pool(stack, client):
    """It waits for a lock in the database while all pools of the API are told to stop."""
    pools = [stack.state / "sv" / pool for pool in ("api-a", "api-b")]
    waiting = "SELECT 1 FROM pg_stat_activity WHERE usename = 'terse_app' AND wait_event_type = 'Lock'"
    user = {"username": "in-flight", "email": "in-flight@example.org"}
    with contextlib.closing(stack.connect()) as session, concurrent.futures.ThreadPoolExecutor() as pool:
        session.cursor().execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        reply = pool.submit(client.post, "/users", user)
        wait_for(lambda: stack.sql(waiting))
        with subprocess.Popen(["sv", "-w", "20", "restart", *pools], stdout=subprocess.DEVNULL) as restart:
            time.sleep(0.5)
            session.rollback()
            assert reply.result().status == 201
            assert restart.wait() == 0


def said_by_workers(stack, pool, message):
    lines = (line for line in stack.log(pool).splitlines() if f'"msg":"{message}"' in line)
    return {json.loads(line)["pid"] for line in lines}


@pytest.mark.parametrize("pool", POOLS)
def test_workers_end_in_order_when_their_pool_stops(stack, client, pool):
    workers = set(stack.pids(pool, "terse-worker"))
    wait_for(lambda: said_by_workers(stack, pool, "start") >= workers)
    stack.sv("restart", pool)
    wait_for(lambda: said_by_workers(stack, pool, "stop") >= workers)


def logged_requests(folders):
    files = [path for folder in folders for path in folder.glob("terse.log*")]
    return {json.loads(line).get("request_id") for path in files for line in path.read_text().splitlines()}


def test_workers_rotate_their_logs():
    with Stack(TERSE_LOG_MAX_BYTES=20000, TERSE_LOG_KEEP=2) as stack:
        client = Api("127.0.0.1", stack.port, set())
        folders = [stack.state / "log" / pool for pool in ("api-a", "api-b")]
        answered = [client.get("/health").headers["X-Request-Id"] for _ in range(600)]
        wait_for(lambda: logged_requests(folders) >= set(answered[-40:]))
        for folder in folders:
            names = {path.name for path in folder.glob("terse.log*")}
            assert names == {"terse.log", "terse.log.1", "terse.log.2"}


def test_what_others_print_is_rotated_as_well():
    with Stack(TERSE_LOG_MAX_BYTES=10000, TERSE_LOG_KEEP=2) as stack:
        folder = stack.state / "log/nginx"
        nobody = Api("127.0.0.1", stack.probe_port, set())
        for _ in range(200):
            assert nobody.get("/").status == 404  # nginx answers, and so it logs
        wait_for(lambda: {path.name for path in folder.glob("terse.log*")} == {"terse.log", "terse.log.1", "terse.log.2"})
        assert sum(path.stat().st_size for path in folder.glob("terse.log*")) < 3 * 20000


def test_a_port_that_is_taken_is_said_plainly():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        stack = Stack()
        stack.environment["TERSE_HTTP_PORT"] = str(other.getsockname()[1])
        try:
            run = stack.control("start")
            assert run.returncode != 0
            assert f"Port {other.getsockname()[1]} is taken" in run.stderr
            assert "TERSE_HTTP_PORT=" in run.stderr
        finally:
            stack.control("purge")
            stack.stop()


def processes_under(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(f"{folder}/"):
                found.append(entry.name)
        except OSError:
            pass
    return found


def test_data_survive_a_stop_and_a_stop_leaves_no_process():
    with Stack(TERSE_API_WORKERS=1, TERSE_REDIRECT_WORKERS=1) as stack:
        code = shorten(Api("127.0.0.1", stack.port, set()), "kept")
        assert stack.control("stop").returncode == 0
        assert not processes_under(stack.state)
        assert stack.control("status").returncode == 1
        assert stack.control("stop").returncode == 0, "to stop twice is no mistake"
        assert stack.control("start").returncode == 0
        assert Api("127.0.0.1", stack.port, set()).get("/" + code).status == 302


def test_a_test_that_is_killed_leaves_nothing_behind():
    script = "from stack import Stack\nimport time\nwith Stack() as s:\n    print(s.state, flush=True)\n    time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], cwd=pathlib.Path(__file__).parent, stdout=subprocess.PIPE,
                          text=True) as test:
        state = pathlib.Path(test.stdout.readline().strip())
        assert (state / "terse.env").exists()
        test.kill()
    wait_for(lambda: not processes_under(state) and not list(state.iterdir()), 40)
    state.rmdir()

"""terse-pool by itself: one socket, no database, real workers or small stand-ins."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import time

import pytest

from pools import beats, up
from stack import pids_in, wait_for

BUILD = pathlib.Path(os.environ["TERSE_BUILD"])
WORKER = [BUILD / "terse-worker", "--front", "mux"]
TERSE = {
    "TERSE_DB": "host=/nonexistent dbname=none", "TERSE_DB_DIRECT": "host=/nonexistent dbname=none",
    "TERSE_REDIS_SOCKET": "", "TERSE_POOL": "redirect-a",
}


class Pool:
    """terse-pool under spawn-fcgi, in a folder of its own. Settings by name."""

    def __init__(self, folder, worker=None, least=2, most=4, **settings):
        self.folder, self.worker = folder, worker or WORKER
        self.socket, self.log_file = folder / "redirect-a.sock", folder / "log"
        self.arguments = ["--min", str(least), "--max", str(most)]
        self.environment = {
            **os.environ, **TERSE, "TERSE_RUN_DIR": str(folder), "TERSE_JOURNAL_DIR": str(folder),
            "TERSE_LOG_FILE": str(self.log_file), **{name: str(value) for name, value in settings.items()},
        }
        self.process = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["spawn-fcgi", "-n", "-s", self.socket, "-M", "0660", "-b", "64", "--", BUILD / "terse-pool",
             *self.arguments, "--", *self.worker], env=self.environment, cwd=self.folder, stderr=subprocess.DEVNULL)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            for pid in pids_in(self.folder):
                os.kill(pid, signal.SIGKILL)

    def send(self, sig):
        self.process.send_signal(sig)

    def up(self):
        return up(self.folder, "redirect-a")

    def wait_up(self, n=2, but=()):
        """Waits until n workers serve of which none is in but."""
        return wait_for(lambda: (now := self.up()) and len(now) == n and not now & set(but) and now)

    def lines(self, message):
        if not self.log_file.exists():
            return []
        lines = (json.loads(line) for line in self.log_file.read_text().splitlines())
        return [line for line in lines if line["msg"] == message]

    def ends(self, **members):
        """Ends of workers that were logged with these members."""
        return [line for line in self.lines("worker ended") if members.items() <= line.items()]

    def wait_ends(self, n=1, **members):
        return wait_for(lambda: len(found := self.ends(**members)) >= n and found, 20)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="terse-pool-", dir="/tmp") as path:
        yield pathlib.Path(path)


@pytest.fixture
def pool(folder):
    with Pool(folder) as started:
        started.wait_up()
        yield started


def script(folder, text, name="terse-worker"):
    """A stand-in worker. It is put in place whole: someone may be starting it."""
    path = folder / f"{name}.new"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path.rename(folder / name)


@pytest.mark.parametrize("arguments", [[], ["--min", "0", "--", "x"], ["--max", "33", "--", "x"],
                                       ["--min", "many", "x"], ["--what", "x"], ["--min"]])
def test_arguments_that_cannot_be_are_refused(arguments):
    run = subprocess.run([BUILD / "terse-pool", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "usage: terse-pool" in run.stderr


def test_without_a_socket_it_does_not_start(folder):
    run = subprocess.run([BUILD / "terse-pool", "--", "true"], env=Pool(folder).environment, check=False,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == 1


@pytest.mark.parametrize("name, value", [("TERSE_POOL_WINDOW_MS", "x"), ("TERSE_LOG_FILE", "/nonexistent/log")])
def test_settings_that_cannot_be_are_said(folder, name, value):
    run = subprocess.run([BUILD / "terse-pool", "--", "true"], env={**Pool(folder).environment, name: value},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert value in run.stderr or name in run.stderr


def test_a_worker_that_is_killed_is_replaced_at_once_and_its_end_is_logged(pool):
    (killed, *_) = before = pool.up()
    began = time.monotonic()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len(pool.up() - {killed}) == 2)
    assert time.monotonic() - began < 2
    assert pool.up() > before - {killed}, "the others stay"
    (end,) = pool.wait_ends(worker=killed)
    assert (end["reason"], end["signal"], end["level"]) == ("crashed", "KILL", "warn")


def test_workers_that_die_young_are_started_less_and_less_often(folder):
    with Pool(folder, [script(folder, "date +%s%N >>starts; exit 3")], least=1) as pool:
        ends = pool.wait_ends(6, reason="crashed", exit_status=3)
    assert {end["reason"] for end in ends} == {"crashed"}
    starts = [int(line) / 1e9 for line in (folder / "starts").read_text().splitlines()]
    pauses = [later - sooner for sooner, later in zip(starts, starts[1:])][:5]
    for pause, least in zip(pauses, (0.075, 0.15, 0.3, 0.6, 1.2)):
        assert pause >= least, pauses


def test_a_program_that_cannot_be_run_is_said(folder):
    with Pool(folder, [folder / "nothing"], least=1) as pool:
        assert pool.wait_ends(exit_status=127)


def test_a_worker_that_is_stopped_is_killed_and_replaced(pool):
    (stopped, *_) = pool.up()
    os.kill(stopped, signal.SIGSTOP)
    (end,) = pool.wait_ends(worker=stopped)
    assert (end["reason"], end["signal"]) == ("hung", "KILL")
    pool.wait_up(but={stopped})


def test_a_worker_that_is_stopped_for_a_moment_stays(pool):
    """It is replaced at once; when it comes back, the newest is one too many."""
    before = pool.up()
    (stopped, *_) = before
    os.kill(stopped, signal.SIGSTOP)
    wait_for(lambda: pool.lines("worker is stopped"))
    os.kill(stopped, signal.SIGCONT)
    wait_for(lambda: pool.up() == before)
    assert not pool.ends(reason="hung")


def test_all_workers_that_are_stopped_are_replaced(pool):
    before = pool.up()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    pool.wait_ends(2, reason="hung")
    pool.wait_up(but=before)


def test_nobody_is_blamed_for_the_time_in_which_the_pool_was_stopped_itself(pool):
    before = pool.up()
    pool.send(signal.SIGSTOP)
    time.sleep(2.5)  # longer than a worker may be silent
    pool.send(signal.SIGCONT)
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1000
    wait_for(lambda: all(beat.at_us > now + 1500000 for beat in beats(pool.folder, "redirect-a").values()))
    assert pool.up() == before
    assert not pool.lines("worker is killed")


def test_a_roll_replaces_all_by_what_is_at_the_path_now(folder):
    real = " ".join(map(str, WORKER))
    worker = [script(folder, f'exec {real} "$@"')]
    with Pool(folder, worker) as pool:
        before = pool.wait_up()
        script(folder, f'echo new >>news; exec {real} "$@"')
        pool.send(signal.SIGHUP)
        wait_for((folder / "redirect-a.rolled").exists)
        assert (folder / "redirect-a.rolled").read_text() == "ok\n"
        pool.wait_up(but=before)
        assert (folder / "news").read_text() == "new\n" * 2
        pool.wait_ends(2, reason="rolled", exit_status=0)
        assert {end["worker"] for end in pool.ends()} == before


def test_a_roll_keeps_the_old_ones_when_the_new_program_dies(folder):
    with Pool(folder, [script(folder, f'exec {" ".join(map(str, WORKER))} "$@"')]) as pool:
        before = pool.wait_up()
        script(folder, "exit 1")
        pool.send(signal.SIGHUP)
        wait_for((folder / "redirect-a.rolled").exists)
        assert (folder / "redirect-a.rolled").read_text() == "failed: a new worker died\n"
        assert pool.up() == before
        assert pool.lines("the old workers stay")


def test_a_roll_keeps_the_old_ones_when_the_new_program_does_not_come_up(folder):
    with Pool(folder, [script(folder, f'exec {" ".join(map(str, WORKER))} "$@"')]) as pool:
        before = pool.wait_up()
        script(folder, "exec sleep 100")
        pool.send(signal.SIGHUP)
        wait_for((folder / "redirect-a.rolled").exists, 20)
        assert (folder / "redirect-a.rolled").read_text().startswith("failed: ")
        assert pool.up() == before
        assert wait_for(lambda: pool.ends(signal="KILL"))
        script(folder, f'exec {" ".join(map(str, WORKER))} "$@"')
        (folder / "redirect-a.rolled").unlink()
        pool.send(signal.SIGHUP)
        wait_for((folder / "redirect-a.rolled").exists)
        pool.wait_up(but=before)


def test_a_roll_during_a_roll_replaces_all(pool):
    before = pool.up()
    pool.send(signal.SIGHUP)
    first = wait_for(lambda: pool.up() - before)
    pool.send(signal.SIGHUP)
    pool.wait_up(but=before | first)


def test_logs_are_opened_anew_by_the_pool_and_its_workers(pool):
    pool.log_file.rename(pool.folder / "old")
    pool.send(signal.SIGUSR1)
    wait_for(pool.log_file.exists)
    (killed, *_) = before = pool.up()
    os.kill(killed, signal.SIGKILL)
    pool.wait_ends(worker=killed)
    pool.wait_up(but={killed})
    assert before - {killed} < pool.up(), "it has ended nobody"
    pool.send(signal.SIGTERM)
    wait_for(lambda: {line["pid"] for line in pool.lines("stop")} >= before - {killed})


def test_it_drains_and_leaves_nothing(pool):
    workers = pool.up()
    pool.send(signal.SIGTERM)
    assert pool.process.wait(10) == 0
    assert not pids_in(pool.folder)
    assert not pool.socket.exists(), "nobody is led to it any more"
    assert {end["worker"] for end in pool.ends(reason="stopped", exit_status=0)} == workers


def test_a_worker_that_does_not_end_is_killed_after_the_deadline_of_a_request(folder):
    stubborn = script(folder, "trap '' TERM; while :; do sleep 0.1; done")
    with Pool(folder, [stubborn], least=1, TERSE_REQUEST_TIMEOUT_MS=100) as pool:
        wait_for(lambda: pids_in(folder, "terse-worker"))
        began = time.monotonic()
        pool.send(signal.SIGTERM)
        assert pool.process.wait(10) == 0
        assert 1 < time.monotonic() - began < 4
        assert pool.ends(signal="KILL", reason="stopped")


def test_a_killed_pool_leaves_no_worker_that_blocks_the_next_one(pool):
    workers = pool.up()
    pool.process.kill()
    pool.process.wait()
    wait_for(lambda: not workers & set(pids_in(pool.folder)))
    pool.start()
    pool.wait_up(but=workers)


def test_a_worker_that_was_left_and_hangs_is_ended_by_the_next_pool(folder):
    with Pool(folder, TERSE_REQUEST_TIMEOUT_MS=100) as pool:
        workers = pool.wait_up()
        (hung, *_) = workers
        pool.process.send_signal(signal.SIGSTOP)  # it must not see what comes
        os.kill(hung, signal.SIGSTOP)
        pool.process.kill()
        pool.process.wait()
        pool.start()
        wait_for(lambda: pool.lines("worker was left"))
        wait_for(lambda: hung not in pids_in(folder))
        pool.wait_up(but=workers)


def test_a_pool_tells_systemd(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.setblocking(False)
        said = []

        def hears(word):
            """What has been said with this word in it."""
            with contextlib.suppress(BlockingIOError):
                while True:
                    said.append(systemd.recv(4096).decode())
            return [text for text in said if word in text]

        pool = Pool(folder)
        pool.environment.update(NOTIFY_SOCKET=str(folder / "notify"), WATCHDOG_USEC="200000")
        with pool:
            wait_for(lambda: hears("READY=1"))
            assert len(pool.up()) == 2
            wait_for(lambda: len(hears("WATCHDOG=1")) > 2)
            wait_for(lambda: hears("STATUS=2 of 2 workers: 0 starting, 0 unable, 0 draining; in rotation"))
            said.clear()
            pool.send(signal.SIGHUP)
            wait_for(lambda: hears("READY=1"))
            (reloading,) = hears("RELOADING=1")
            assert "MONOTONIC_USEC=" in reloading
            pool.send(signal.SIGTERM)
            wait_for(lambda: hears("STOPPING=1"))

"""Each alert is fired once by a real fault in a real stack, is seen in Prometheus, in Alertmanager and at the receivers,
and ends when the fault does."""

import os
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "it")]

# pylint: disable=wrong-import-position
from alerting import Discord, Mailbox, certificates
from faults import FAULTS, injected
from place import Place
from stack import Stack, wait_for
from wire import Api

pytestmark = pytest.mark.full
SCALE = 2  # percent
PAGE_S = 60  # from the fault to a receiver, with the durations of production
PASSWORD = "the test's own"
COVERED = sorted({alert for fault in FAULTS.values() for alert in fault.alerts})


def used(path="/proc/meminfo"):
    """The part of the memory that is used."""
    lines = dict(line.split(":") for line in pathlib.Path(path).read_text().splitlines())
    total, free = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return 1 - free / total


def thresholds():
    """Limits that a test reaches on any machine without harm to it."""
    disk = os.statvfs("/tmp")
    low = {"http_requests_per_second": 150, "cpu_used_ratio": 0.9, "memory_used_ratio": round(used() + 0.07, 3),
           "journal_free_ratio": round(disk.f_bavail / disk.f_blocks - 0.02, 3), "ingest_lag_seconds": 4,
           "worker_busy_ratio": 0.5}
    return " ".join(f"{name}={value}" for name, value in low.items())


@pytest.fixture(scope="module")
def discord():
    with Discord() as server:
        yield server


@pytest.fixture(scope="module")
def watched(discord):
    settings = {
        "TERSE_MONITORING": "full", "TERSE_ALERT_SCALE_PERCENT": SCALE, "TERSE_ALERT_THRESHOLDS": thresholds(),
        "TERSE_DISCORD_WEBHOOK": discord.url, "TERSE_API_WORKERS": 2, "TERSE_API_WORKERS_MAX": 4,
        "TERSE_REDIRECT_WORKERS": 1, "TERSE_REDIRECT_WORKERS_MAX": 1, "TERSE_POOL_WINDOW_MS": 1000,
        "TERSE_POOL_UP_COOLDOWN_MS": 500, "TERSE_POOL_DOWN_COOLDOWN_MS": 600000, "TERSE_DB_TIMEOUT_MS": 1500,
        "TERSE_TRACE_SAMPLE_PPM": 1000000,
    }
    with Stack(**settings) as stack:
        Place(stack.state).url("sample01")  # what the blackbox exporter asks for
        wait_for(lambda: firing(stack, "Watchdog"), 30)
        wait_for(lambda: quiet(stack), 60)
        yield stack


def firing(stack, name):
    return stack.prometheus(f'ALERTS{{alertname="{name}", alertstate="firing"}}')


def quiet(stack):
    return not stack.prometheus('ALERTS{alertname!="Watchdog", alertstate="firing"}')


def stored(stack, name):
    """The states in which terse has an alert of that name."""
    reply = Api("127.0.0.1", stack.port, set()).get(f"/alerts?name={name}")
    return {alert["status"] for alert in reply.json()} if reply.status == 200 else set()


def told(discord, name, word):
    return any(name in message["title"] and word in message["title"] for message in discord.messages)


def severity(stack, name):
    return firing(stack, name)[0][0]["severity"]


def test_every_alert_has_a_fault():
    rules = (HERE.parents[1] / "monitoring/prometheus/rules/alerts.yml").read_text()
    assert COVERED == sorted(line.split()[-1] for line in rules.splitlines() if "- alert:" in line)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fires_its_alerts_until_it_is_mended(watched, discord, name):
    fault = FAULTS[name]
    discord.messages.clear()
    with injected(Place(watched.state), name):
        for alert in fault.alerts:
            wait_for(lambda a=alert: firing(watched, a), 45, 0.2)
            wait_for(lambda a=alert: watched.alerts(alertname=a), 25, 0.2)  # it may have missed the first word
            if severity(watched, alert) == "critical":
                wait_for(lambda a=alert: told(discord, a, "FIRING"), 15, 0.2)
            if fault.is_stored:
                wait_for(lambda a=alert: "firing" in stored(watched, a), 25, 0.2)
    watched.wait_ready(30)
    for alert in set(fault.alerts) - set(fault.lasting) - {"Watchdog"}:
        wait_for(lambda a=alert: not firing(watched, a), 45, 0.2)
        if fault.is_stored:
            wait_for(lambda a=alert: stored(watched, a) == {"resolved"}, 30, 0.2)
    assert not discord.faults


def test_a_page_is_out_within_a_minute_with_the_durations_of_production(tmp_path, capsys):
    ca, cert, key = certificates(tmp_path)
    tmp_path.chmod(0o755)
    pathlib.Path(ca).chmod(0o644)
    for folder in list(tmp_path.parents)[:3]:
        folder.chmod(0o755)  # the authority is read by another user
    with Discord() as discord, Mailbox(cert, key, "pager", PASSWORD) as mailbox:
        settings = {"TERSE_SMTP_HOST": f"localhost:{mailbox.port}", "TERSE_SMTP_USER": "pager",
                    "TERSE_SMTP_PASSWORD": PASSWORD, "TERSE_SMTP_CA_FILE": ca, "TERSE_ALERT_MAIL_TO": "a@example.org",
                    "TERSE_DISCORD_WEBHOOK": discord.url, "TERSE_MONITORING": "core"}
        with Stack(**settings) as stack:
            wait_for(lambda: stack.prometheus('up{job="terse"} == 1'), 30)
            wait_for(lambda: firing(stack, "Watchdog"), 30)
            began = time.monotonic()
            with injected(Place(stack.state), "nginx-down"):
                wait_for(lambda: told(discord, "ServiceDown", "FIRING"), PAGE_S)
                by_discord = time.monotonic() - began
                wait_for(lambda: any("ServiceDown" in mail["Subject"] for mail in mailbox.mails), PAGE_S)
                by_mail = time.monotonic() - began
    with capsys.disabled():
        print(f"\nServiceDown: Discord after {by_discord:.1f} s, mail after {by_mail:.1f} s")
    assert max(by_discord, by_mail) <= PAGE_S

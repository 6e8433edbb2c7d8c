"""Alerts get to where they belong: a real Alertmanager with the configuration that ships, a real mail server with TLS
and a log-in, terse itself, and a server as strict as Discord."""

import os
import re
import stat

import pytest

from alerting import Alertmanager, Discord, Mailbox, alert, certificates, fill
from stack import free_port, wait_for

pytestmark = pytest.mark.full
USER, PASSWORD = "pager", "it's a: \"secret\" #1"


class Receivers:
    def __init__(self, folder, terse):
        self.folder, self.terse = folder, terse
        self.ca, self.cert, self.key = certificates(folder)
        (folder / "secrets").mkdir()
        key = terse.secret("admin_key") if terse else "nobody's, since nobody is there"
        (folder / "secrets/admin_key").write_text(key)

    def mailbox(self, has_tls=True):
        return Mailbox(self.cert, self.key, USER, PASSWORD, has_tls)

    def settings(self, mailbox, discord, **more):
        return {"TERSE_HTTP_PORT": self.terse.port if self.terse else free_port(),
                "TERSE_SMTP_HOST": f"localhost:{mailbox.port}", "TERSE_SMTP_USER": USER, "TERSE_SMTP_PASSWORD": PASSWORD,
                "TERSE_SMTP_CA_FILE": self.ca, "TERSE_ALERT_MAIL_TO": "a@example.org, b@example.org",
                "TERSE_DISCORD_WEBHOOK": discord.url, **more}


@pytest.fixture
def receivers(tmp_path, terse):
    return Receivers(tmp_path, terse)


@pytest.fixture
def paged(receivers):
    """(Alertmanager, mail server, Discord), all well."""
    with receivers.mailbox() as mailbox, Discord() as discord:
        with Alertmanager(receivers.folder, receivers.settings(mailbox, discord)) as manager:
            yield manager, mailbox, discord


def stored(client, name):
    """The newest alert of that name that terse has."""
    return next(iter(client.get(f"/alerts?name={name}").json()), None)


def is_stored(client, name, status):
    return (stored(client, name) or {}).get("status") == status


def failures(manager, integration):
    return manager.metric("alertmanager_notification_requests_failed_total", integration=integration)


def parts_of(mail):
    """The plain and the HTML text of a mail."""
    return [mail.get_body((kind,)).get_content() for kind in ("plain", "html")]


def test_a_critical_alert_gets_to_all_at_once_and_so_does_its_end(paged, client):
    manager, mailbox, discord = paged
    manager.post(alert("PageAll", "critical", instance="<script>alert(1)</script>", summary='"A" & <b>B</b>'))
    wait_for(lambda: mailbox.mails and discord.messages and is_stored(client, "PageAll", "firing"), 5)
    mail = mailbox.mails[0]
    assert mail.was_encrypted and mail.receivers == ["a@example.org", "b@example.org"]
    assert mail["From"] == "terse@example.org" and mail["Subject"] == '[FIRING 1] PageAll: "A" & <b>B</b>'
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = parts_of(mail)
    for link in ("/ops/#/runbook/PageAll", "/ops/#/d/slo", "/ops/graph"):
        assert "http://127.0.0.1" + link in plain and f'href="http://127.0.0.1{link}"' in html
    assert "<script" not in html and "&lt;script&gt;" in html and "<b>B</b>" not in html and "&lt;b&gt;B" in html
    assert "#c62828" in html and "What PageAll is." in plain and "What PageAll is." in html
    assert "PageAll" in discord.messages[0]["title"] and "What PageAll is." in discord.messages[0]["description"]
    manager.post(alert("PageAll", "critical", fires=False, instance="<script>alert(1)</script>", summary='"A" & <b>B</b>'))
    wait_for(lambda: len(mailbox.mails) > 1 and len(discord.messages) > 1 and is_stored(client, "PageAll", "resolved"), 10)
    assert mailbox.mails[1]["Subject"].startswith("[RESOLVED] PageAll")
    assert not discord.faults


def test_warnings_come_in_one_mail_and_not_to_discord(paged, client):
    manager, mailbox, discord = paged
    for name in ("WarnA", "WarnB", "WarnC"):
        manager.post(alert(name, "warning"))
    wait_for(lambda: mailbox.mails and all(is_stored(client, name, "firing") for name in ("WarnA", "WarnB", "WarnC")), 10)
    assert len(mailbox.mails) == 1 and mailbox.mails[0]["Subject"].startswith("[FIRING 3] warning")
    assert all(name in text for text in parts_of(mailbox.mails[0]) for name in ("WarnA", "WarnB", "WarnC"))
    assert not discord.messages


def test_information_is_terses_alone(paged, client):
    manager, mailbox, discord = paged
    manager.post(alert("InfoOnly", "info"))
    wait_for(lambda: is_stored(client, "InfoOnly", "firing"), 10)
    assert not mailbox.mails and not discord.messages


def test_the_watchdog_is_heard_again_and_again(paged):
    manager, mailbox, _ = paged
    manager.post(alert("Watchdog", "info"))
    wait_for(lambda: manager.metric("alertmanager_notifications_total", integration="webhook") >= 2, 25)
    assert not mailbox.mails


@pytest.mark.parametrize("cause, consequences, others", [
    (("PostgresDown", "critical"), ["HighErrorRate", "HighLatencyP95", "SLOAvailabilityBurnFast", "SLOLatencyBurn",
                                    "PgBouncerSaturated", "IngestLag"], ["ClickLoss", "JournalDiskFull"]),
    (("ServiceDown", "critical"), ["WorkerPoolDegraded", "TargetDown", "HighErrorRate"], ["ClickLoss"]),
    (("RedisDown", "warning"), ["HighLatencyP95"], ["HighCPU"]),
], ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_a_cause_silences_its_consequences(paged, cause, consequences, others):
    manager, mailbox, _ = paged
    manager.post(alert(*cause), *(alert(name, "critical") for name in others))
    manager.post(*(alert(name, "critical") for name in consequences))
    wait_for(lambda: len(mailbox.mails) >= 1 + len(others), 10)
    # Had they not been held back, they would have come with a group's first message.
    manager.post(alert("Later", "critical"))
    wait_for(lambda: any("Later" in mail["Subject"] for mail in mailbox.mails), 10)
    subjects = " ".join(mail["Subject"] for mail in mailbox.mails)
    assert all(name in subjects for name in [cause[0], *others])
    assert not [name for name in consequences if name in subjects]
    manager.post(alert(*cause, fires=False))
    wait_for(lambda: all(any(name in mail["Subject"] for mail in mailbox.mails) for name in consequences), 20)


def test_another_hosts_trouble_silences_nothing_here(paged):
    manager, mailbox, _ = paged
    manager.post(alert("ServiceDown", "critical", host="one"), alert("WorkerPoolDegraded", "critical", host="two"),
                 alert("TargetDown", "critical", host="one"))
    wait_for(lambda: any("WorkerPool" in mail["Subject"] for mail in mailbox.mails), 10)
    assert not any("TargetDown" in mail["Subject"] for mail in mailbox.mails)


def test_texts_of_any_length_and_script_fit_discord(paged):
    manager, mailbox, discord = paged
    long = "💥\r\nBcc: c@example.org\r\n\"\\<&" * 1000
    manager.post(*(alert("LongText", "critical", instance=f"{i}" + long, summary=long, description=long)
                   for i in range(12)))
    wait_for(lambda: discord.messages and mailbox.mails, 10)
    manager.post(alert("L" + "💥" * 1000, "critical"))
    wait_for(lambda: len(discord.messages) > 1, 10)
    assert not discord.faults and "and 8 more" in discord.messages[0]["description"]
    assert discord.messages[0]["description"].count("💥") > 30
    assert "\n" not in mailbox.mails[0]["Subject"] and not mailbox.mails[0]["Bcc"]


def test_discord_is_asked_again_when_it_was_busy(paged):
    manager, _, discord = paged
    discord.busy = 1
    manager.post(alert("BusyOnce", "critical"))
    wait_for(lambda: discord.messages, 20)
    assert discord.answers[0] == 429


@pytest.mark.parametrize("fault", ["another password", "no TLS", "an authority nobody knows"])
def test_mail_that_is_refused_holds_nobody_else_back(receivers, client, fault):
    name = "Mail" + re.sub(r"\W", "", fault.title())
    with receivers.mailbox(has_tls=fault != "no TLS") as mailbox, Discord() as discord:
        settings = receivers.settings(mailbox, discord)
        if fault.startswith("an authority"):
            settings["TERSE_SMTP_CA_FILE"] = ""
        if fault == "another password":
            mailbox.password = "it has been changed"
        with Alertmanager(receivers.folder, settings) as manager:
            manager.post(alert(name, "critical"))
            wait_for(lambda: discord.messages and is_stored(client, name, "firing"), 10)
            wait_for(lambda: failures(manager, "email") >= 2, 15)  # it is tried again
            assert not mailbox.mails
            if fault == "another password":
                assert mailbox.refused
                mailbox.password = PASSWORD
                wait_for(lambda: mailbox.mails, 20)
            manager.post(alert(name, "critical", fires=False))
            wait_for(lambda: len(discord.messages) > 1 and is_stored(client, name, "resolved"), 15)


def test_a_page_gets_out_when_terse_is_down(tmp_path):
    receivers = Receivers(tmp_path, None)
    with receivers.mailbox() as mailbox, Discord() as discord:
        with Alertmanager(receivers.folder, receivers.settings(mailbox, discord)) as manager:
            manager.post(alert("ServiceDown", "critical"))
            wait_for(lambda: mailbox.mails and discord.messages, 10)
            wait_for(lambda: failures(manager, "webhook") >= 2, 10)


def test_nobody_but_its_user_reads_the_configuration(receivers):
    with receivers.mailbox() as mailbox, Discord() as discord:
        path = fill(receivers.folder, receivers.settings(mailbox, discord))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert PASSWORD.replace("'", "''") in path.read_text()


def test_without_a_mail_server_and_discord_only_terse_hears(receivers, client):
    with Alertmanager(receivers.folder, {"TERSE_HTTP_PORT": receivers.terse.port}) as manager:
        assert "discord" not in manager.file.read_text() and "smtp" not in manager.file.read_text()
        manager.post(alert("TerseOnly", "critical"))
        wait_for(lambda: is_stored(client, "TerseOnly", "firing"), 10)

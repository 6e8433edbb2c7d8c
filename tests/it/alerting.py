"""What alerts are sent by and to: Alertmanager with the configuration that ships, a mail server, and one like Discord's."""

import datetime
import email
import email.policy
import http.server
import json
import pathlib
import shlex
import ssl
import subprocess
import threading
import time
import urllib.request

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from stack import TOP, free_port, wait_for

SETTINGS = {"TERSE_ALERT_SCALE_PERCENT": "2", "TERSE_SMTP_FROM": "terse@example.org"}
FILL = """set -euo pipefail
declare -A MARK SETTING
. ci/settings.sh
. ci/alerting.sh
alertmanager_fill
"""


def fill(folder, settings):
    """Writes what ci/up would into folder/etc/alertmanager and returns the file's path."""
    script = FILL.replace("alertmanager_fill\n", "".join(
        f"SETTING[{name}]={shlex.quote(str(value))}\n" for name, value in {**SETTINGS, **settings}.items())
        + f"STATE={folder}\nMARK[STATE]={folder}\nETC={folder}/etc\nMARK[ETC]={folder}/etc\nHERE={TOP}\n"
        "alertmanager_fill\n")
    (folder / "etc").mkdir(exist_ok=True)
    subprocess.run(["bash", "-c", script], cwd=TOP, check=True)
    return folder / "etc/alertmanager/alertmanager.yml"


class Alertmanager:
    """Runs until it is left. settings: as TERSE_*."""

    def __init__(self, folder, settings):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = fill(self.folder, settings)
        self.process, self.starts = None, {}

    def __enter__(self):
        with open(self.folder / "alertmanager.log", "ab") as log:
            self.process = subprocess.Popen(
                ["prometheus-alertmanager", f"--config.file={self.file}", f"--storage.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], stdout=log, stderr=log)
        wait_for(self.is_ready)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    def post(self, *alerts):
        """Alerts as Prometheus sends them: what fires goes on with what has fired."""
        for each in alerts:
            labels = json.dumps(each["labels"], sort_keys=True)
            each["startsAt"] = self.starts.setdefault(labels, each["startsAt"])
        request = urllib.request.Request(self.url + "/api/v2/alerts", json.dumps(alerts).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            assert reply.status == 200

    def metric(self, name, **labels):
        with urllib.request.urlopen(self.url + "/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith(name + "{") and all(word in line for word in wanted))


def alert(name, severity, fires=True, **more):
    """One alert as the rules make them. more: further labels, and annotations by name."""
    now = time.time()
    notes = {"summary": f"{name} is about", "description": f"What {name} is.",
             "runbook_url": f"http://127.0.0.1/ops/#/runbook/{name}", "dashboard": "http://127.0.0.1/ops/#/d/slo"}
    notes.update({key: more.pop(key) for key in list(more) if key in notes})
    found = {"labels": {"alertname": name, "severity": severity, "instance": "a", **more}, "annotations": notes,
             "startsAt": stamp(now), "generatorURL": "http://127.0.0.1/ops/graph"}
    if not fires:
        found["endsAt"] = stamp(now)
    return found


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()


def certificates(folder):
    """An authority and a certificate of it for localhost: (authority, certificate, key)."""
    ca, ca_key, cert, key, request = (str(folder / name) for name in
                                      ("ca.pem", "ca.key", "smtp.pem", "smtp.key", "smtp.csr"))
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (folder / "smtp.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for command in (
            ["req", "-x509", *new, "-days", "2", "-subj", "/CN=the test's own", "-keyout", ca_key, "-out", ca],
            ["req", *new, "-subj", "/CN=localhost", "-keyout", key, "-out", request],
            ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
             "-extfile", str(folder / "smtp.ext"), "-out", cert]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return ca, cert, key


class Mailbox(Controller):
    """An SMTP server that takes mail only after STARTTLS and a log-in. mails: what came, parsed."""

    def __init__(self, cert, key, user, password, has_tls=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.user, self.password, self.mails, self.refused = user, password, [], 0
        super().__init__(
            self, hostname="127.0.0.1", port=free_port(), tls_context=context if has_tls else None,
            require_starttls=has_tls, auth_required=True, auth_require_tls=has_tls, authenticator=self.check,
            auth_exclude_mechanism=["LOGIN"])  # its prompts are unlike those that Alertmanager knows

    def factory(self):
        return SMTP(self.handler, **self.SMTP_kwargs)

    def check(self, _server, _session, _envelope, _mechanism, data):
        good = (data.login.decode(), data.password.decode()) == (self.user, self.password)
        self.refused += not good
        return AuthResult(success=good, handled=False)

    async def handle_DATA(self, _server, session, envelope):  # pylint: disable=invalid-name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail.was_encrypted, mail.receivers = session.ssl is not None, envelope.rcpt_tos
        self.mails.append(mail)
        return "250 OK"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Discord(http.server.ThreadingHTTPServer):
    """Takes what Discord's webhooks take. messages: what came; busy: how many to answer 429 first."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), DiscordHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/webhooks/1/secret-token"
        self.messages, self.faults, self.busy, self.answers = [], [], 0, []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def units(text):
    """Its length as JavaScript counts it, which is the longest."""
    return len(text.encode("utf-16-le")) // 2


def faults_of(message):
    """What Discord would refuse."""
    embeds = message.get("embeds") or []
    texts = [embed.get(key, "") for embed in embeds for key in ("title", "description")]
    rules = {
        "nothing to show": bool(embeds or message.get("content")),
        "content": isinstance(message.get("content", ""), str) and units(message.get("content", "")) <= 2000,
        "embeds": isinstance(embeds, list) and len(embeds) <= 10,
        "types": all(isinstance(text, str) for text in texts),
        "titles": all(0 < units(embed.get("title", "")) <= 256 for embed in embeds),
        "descriptions": all(0 < units(embed.get("description", "")) <= 4096 for embed in embeds),
        "colours": all(isinstance(embed.get("color"), int) and 0 <= embed["color"] < 1 << 24 for embed in embeds),
        "altogether": sum(map(units, texts)) <= 6000,
    }
    return [name for name, holds in rules.items() if not holds]


class DiscordHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.busy > 0:
            self.server.busy -= 1
            self.answer(429, {"message": "You are being rate limited.", "retry_after": 0.3, "global": False})
            return
        faults = faults_of(message)
        if self.headers["Content-Type"] != "application/json":
            faults.append("Content-Type")
        if faults:
            self.server.faults.append(faults)
            self.answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": faults})
            return
        self.server.messages.append(message["embeds"][0])
        self.answer(204, None)

    def answer(self, status, body):
        text = b"" if body is None else json.dumps(body).encode()
        self.server.answers.append(status)
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

"""RUNBOOK.md: a whole section for each alert, nothing named that there isn't, and commands that run as they stand."""

import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "it")]

# pylint: disable=wrong-import-position
from faults import injected
from place import Place
from stack import TOP, Stack, wait_for

pytestmark = pytest.mark.full
BOOK = (TOP / "RUNBOOK.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", (TOP / "monitoring/prometheus/rules/alerts.yml").read_text())
PARTS = ["Meaning", "Impact", "First five minutes", "Diagnosis", "Fix", "Escalate", "Verify"]
NEXT = "echo '=== next ==='"


def sections():
    """{heading: text} of all that the runbook has, in order."""
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^##? |\Z)", BOOK, re.M | re.S))


def parts(text):
    """{name: text} of a section's parts, in order."""
    return dict(re.findall(r"^\*\*([\w ]+)\.\*\*(.*?)(?=^\*\*[\w ]+\.\*\*|\Z)", text, re.M | re.S))


def blocks(text, kind=""):
    """Commands to paste: those that look, those that change something ("fix"), those that a person fills in ("by-hand")."""
    return re.findall(rf"^```sh *{kind}\n(.*?)^```", text, re.M | re.S)


def commands(block):
    """A command begins where a line does; the lines under it that are indented are its own."""
    return re.findall(r"^\S.*(?:\n[ \t]+.*)*", block, re.M)


SETUP, *_ = blocks(BOOK)
LOOKS = {name: [block for block in blocks(text) if block != SETUP] for name, text in sections().items()}
FIXES = [(name, block) for name, text in sections().items() for block in blocks(text, "fix")]


def run(stack, text):
    """What a shell of the engineer on call says of it; the shell ends with the first command that fails."""
    return subprocess.run(["bash", "-eo", "pipefail", "-c", f"{SETUP}\n{text}"], cwd=TOP, env=stack.environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def stack():
    settings = {"TERSE_MONITORING": "full", "TERSE_ALERT_SCALE_PERCENT": 2, "TERSE_TRACE_SAMPLE_PPM": 1000000}
    with Stack(**settings) as running:
        Place(running.state).url("sample01")  # what the blackbox exporter asks for: redirects that the log has
        wait_for(lambda: running.alerts(alertname="Watchdog"), 30)
        wait_for(lambda: running.watcher(running.port, "/alerts?name=Watchdog"), 30)
        yield running


def test_every_alert_has_one_section():
    assert len(ALERTS) == len(set(ALERTS)) >= 23
    assert set(ALERTS) <= set(sections())
    assert len(re.findall("^## ", BOOK, re.M)) == len(sections())


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_has_all_its_parts(name):
    found = parts(sections()[name])
    assert list(found) == PARTS and re.findall(r"^\*\*([\w ]+)\.\*\*", sections()[name], re.M) == PARTS
    assert all(text.strip() for text in found.values())
    assert blocks(found["Diagnosis"]) and blocks(found["Verify"])
    assert re.search(r"^1\. ", found["First five minutes"], re.M)
    assert not blocks(found["Fix"]), "what changes something is marked fix or by-hand"


def test_every_block_is_of_a_kind_that_is_known():
    assert set(re.findall(r"^```(.+)$", BOOK, re.M)) == {"sh", "sh fix", "sh by-hand"}
    assert not re.search(r"^(?: {4}|\t)\S", re.sub(r"^```.*?^```", "", BOOK, flags=re.M | re.S), re.M)


def test_looking_changes_nothing():
    for name, texts in LOOKS.items():
        for text in texts:
            assert not re.search(r"\b(svc|sv (?!status)\w+|kill|rm|ci/up|ci/down|terminate|restart|abort)\b", text), name


def test_what_is_filled_in_by_hand_is_shell():
    for text in blocks(BOOK, "by-hand") + blocks(BOOK, "fix"):
        subprocess.run(["bash", "-n", "-c", text], check=True)


def test_links_lead_to_sections():
    slugs = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in sections()}
    assert set(re.findall(r"\]\(#([^)]*)\)", BOOK)) <= slugs


def test_files_that_are_named_are_there():
    names = set(re.findall(r"(?<![\w/])(?:\./)?((?:docs|ci|monitoring|tests|nginx)/[\w./-]*\w)", BOOK))
    assert names and not [name for name in names if not (TOP / name).exists()]


def test_files_of_the_state_folder_and_services_that_are_named_are_there(stack):
    names = set(re.findall(r'STATE"?/([a-z](?:[\w./-]*\w)?)(?=[\s"`;,)]|\.\s)', BOOK.replace("SERVICE", "nginx")))
    made_later = {"journal/dead", "run/redirect-a.rolled"}
    assert names > made_later
    assert not [name for name in names - made_later if not (stack.state / name).exists()]
    services = set(re.findall(r"(?:svc \w+|--service) ([a-z][\w-]*)", BOOK))
    assert services <= set(stack.services())


def test_metrics_that_are_named_are_there(stack):
    asked = "\n".join(re.findall(r"^q '(.*)'$", BOOK, re.M))
    named = set(re.findall(r"\b(?:terse|prometheus|alertmanager|nginx)[_:][\w:]*[a-z0-9]\b", asked))
    families = re.findall(r'\{ "(terse_\w+)", (\w+)', (TOP / "lib/base/metric_family.c").read_text())
    known = set(stack.watcher(stack.prometheus_port, "/api/v1/label/__name__/values")["data"])
    for name, kind in families:
        known |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "HISTOGRAM" else {name}
    for path in (TOP / "monitoring/prometheus/rules").glob("*.yml"):
        known |= set(re.findall(r"- record: (\S+)", path.read_text()))
    assert len(named) > 30 and not named - known


@pytest.mark.parametrize("name", LOOKS)
def test_commands_that_look_run_and_say_something(stack, name):
    lines = [line for block in LOOKS[name] for line in commands(block)]
    done = run(stack, "\n".join(f"{line}\n{NEXT}" for line in lines))
    said = done.stdout.split(NEXT.split("'")[1])
    assert done.returncode == 0, f"{lines[len(said) - 1]}\n{said[-1][-500:]}"
    assert not [line for line, text in zip(lines, said) if not text.strip()]


@pytest.mark.parametrize("fault, name, sign", [
    ("nginx-down", "ServiceDown", "curl said 7"), ("redis-down", "RedisDown", '"redis":{"state":"down"'),
    ("postgres-down", "PostgresDown", '"postgresql":{"state":"down"'), ("ingest-down", "IngestLag", "down: "),
    ("pgbouncer-hung", "PostgresDown", "timeout expired"), ("monitor-down", "MonitorDown", "down: "),
])
def test_the_diagnosis_of_a_fault_ends_soon_and_shows_it(stack, fault, name, sign):
    with injected(Place(stack.state), fault):
        done = run(stack, "set +e +o pipefail\n" + "".join(blocks(parts(sections()[name])["Diagnosis"])))
    assert sign in done.stdout
    stack.wait_ready(30)


@pytest.mark.parametrize("name, block", FIXES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(FIXES)])
def test_a_fix_does_a_healthy_stack_no_harm(stack, name, block):
    done = run(stack, block)
    assert done.returncode == 0, f"{name}: {block}\n{done.stdout[-500:]}"
    stack.wait_ready(30)


def test_all_runs_after_all_fixes(stack):
    done = wait_for(lambda: (found := run(stack, "./ci/status")).returncode == 0 and found, 30)
    assert "DOWN" not in done.stdout
    wait_for(lambda: stack.prometheus('up{job="terse"} == 1'), 30)

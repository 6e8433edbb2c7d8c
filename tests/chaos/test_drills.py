"""The drill book: each drill is whole, names a fault that there is, and its commands run; and the runner does what it says."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "it")]

# pylint: disable=wrong-import-position
from faults import FAULTS
from stack import TOP, Stack, wait_for

pytestmark = pytest.mark.full
BOOK = (TOP / "docs/rca/drills.md").read_text()
SETUP = re.search(r"## Before a drill\n.*?```sh\n(.*?)```", BOOK, re.S).group(1)
DRILLS = {title: text for title, text in re.findall(r"^## (Drill \d+: .*?)$(.*?)(?=^## |\Z)", BOOK, re.M | re.S)}
PARTS = ["Goal", "Inject", "Observe", "Diagnose", "Resolve", "Verify", "Questions"]
RUNNER_S = 120


def named(text):
    """Faults that a text tells to inject."""
    return re.findall(r"tests/chaos/(?:inject|drill) ([a-z][\w-]*)", text)


def blocks(text):
    """The commands to paste, but those that make the fault."""
    return [block for block in re.findall(r"```sh\n(.*?)```", text, re.S) if not named(block)]


@pytest.fixture(scope="module")
def watched():
    settings = {"TERSE_MONITORING": "full", "TERSE_ALERT_SCALE_PERCENT": 2, "TERSE_TRACE_SAMPLE_PPM": 1000000}
    with Stack(**settings) as stack:
        wait_for(lambda: stack.prometheus('ALERTS{alertname="Watchdog", alertstate="firing"}'), 30)
        yield stack


def test_there_are_five_drills_at_least():
    assert len(DRILLS) >= 5


@pytest.mark.parametrize("title", DRILLS)
def test_a_drill_is_whole(title):
    assert re.findall(r"^\*\*(\w+)\.\*\*", DRILLS[title], re.M) == PARTS


@pytest.mark.parametrize("title", DRILLS)
def test_a_drill_names_a_fault_and_an_alert_of_it(title):
    faults = set(named(DRILLS[title]))
    assert len(faults) == 1 and faults <= set(FAULTS)
    assert any(alert in DRILLS[title] for alert in FAULTS[faults.pop()].alerts)


def test_faults_that_the_book_names_are_listed():
    listed = subprocess.run([HERE / "inject", "--list"], check=True, capture_output=True, text=True).stdout
    assert set(named(BOOK)) <= set(re.findall(r"^([\w-]+) ", listed, re.M))


@pytest.mark.parametrize("title", DRILLS)
def test_the_commands_of_a_drill_run(watched, title):
    for block in blocks(DRILLS[title]):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", SETUP + block], cwd=TOP, env=watched.environment, capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{block}\n{done.stdout[-500:]}{done.stderr[-500:]}"
    watched.wait_ready(30)


def test_the_runner_tells_when_an_alert_comes_and_goes(watched):
    environment = {**os.environ, "TERSE_STATE": str(watched.state)}
    done = subprocess.run([HERE / "drill", "redis-down"], env=environment, capture_output=True, text=True, check=False,
                          timeout=RUNNER_S)
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = [float(value) for value in re.findall(r"^ +([\d.]+) s ", done.stdout, re.M)]
    assert len(seconds) == 6 and all(value < RUNNER_S for value in seconds)
    for words in ("pending", "firing", "stored by terse", "the fault is mended", "no longer firing"):
        assert words in done.stdout


def test_the_runner_knows_its_faults():
    done = subprocess.run([HERE / "drill", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "usage" in done.stderr

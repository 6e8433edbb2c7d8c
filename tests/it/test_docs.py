"""What the documents say of the program is so."""

import os
import pathlib
import re
import subprocess

from stack import TOP


def test_the_settings_in_the_readme_are_the_programs():
    program = pathlib.Path(os.environ["TERSE_BUILD"], "terse")
    table = subprocess.run([program, "settings", "--markdown"], check=True, capture_output=True, text=True).stdout
    readme = (TOP / "README.md").read_text()
    found = re.search(r"<!-- settings: .* -->\n(.*)<!-- /settings -->", readme, re.S)
    assert found and found.group(1) == table, "put the output of `terse settings --markdown` into README.md"


def test_the_metrics_in_their_page_are_the_programs():
    program = pathlib.Path(os.environ["TERSE_BUILD"], "terse")
    table = subprocess.run([program, "metrics", "--markdown"], check=True, capture_output=True, text=True).stdout
    page = (TOP / "docs/metrics.md").read_text()
    found = re.search(r"<!-- metrics: .* -->\n(.*)<!-- /metrics -->", page, re.S)
    assert found and found.group(1) == table, "put the output of `terse metrics --markdown` into docs/metrics.md"
    assert subprocess.run([program, "metrics"], check=False, capture_output=True).returncode == 2


def test_the_files_that_the_readme_names_are_there():
    readme = (TOP / "README.md").read_text()
    for name in re.findall(r"`((?:lib|app|ci|docs|nginx|pgbouncer)(?:/[\w./-]+)?)`", readme):
        assert (TOP / name).exists(), name


def test_the_metrics_and_checks_that_the_runbook_names_are_there(terse, api):
    runbook = (TOP / "RUNBOOK.md").read_text()
    names = set(re.findall(r"`(terse_\w+)", runbook))
    metrics = api.get("/metrics").body.decode()
    families = set(re.findall(r"^# TYPE (\w+)", metrics, re.M))
    assert names and names <= families
    for check in re.findall(r'`"(\w+)":\{"state"', runbook):
        assert check in terse.ready()["checks"], check

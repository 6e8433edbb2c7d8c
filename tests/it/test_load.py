"""The load tests themselves, at their smallest: k6 as it is in the cache, on a stack of its own."""

import json
import subprocess

import pytest

from stack import TOP

RUN = TOP / "tests/load/run"


@pytest.fixture(scope="module", autouse=True)
def k6():
    done = subprocess.run([TOP / "ci/tool", "--built", "k6"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("there is no k6: ci/tool k6 builds it")


def test_a_smoke_run_meets_all_thresholds_and_loses_no_click(tmp_path):
    rows = tmp_path / "rows.json"
    done = subprocess.run([RUN, "smoke", "--short", "--json", rows], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    row, = json.loads(rows.read_text(encoding="utf-8"))
    assert row["missed"] == [] and row["errors"] == 0
    assert [(phase["name"], phase["dropped"]) for phase in row["phases"]] == [("smoke", 0)]
    assert row["requests"] >= 250 and row["clicks"]["counted"] == row["clicks"]["stored"] >= 50


def test_an_unknown_scenario_is_refused_before_anything_starts():
    done = subprocess.run([RUN, "smoke", "smoek"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "no such scenario: smoek" in done.stderr

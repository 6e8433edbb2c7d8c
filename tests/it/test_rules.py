"""Prometheus's rules: each alert is whole, tested, and made of metrics that exist; what scales them scales only that."""

import re
import subprocess

import pytest
import yaml

from stack import TOP

pytestmark = pytest.mark.once
RULES = TOP / "monitoring/prometheus/rules"
CASES = TOP / "monitoring/prometheus/tests"
SCALE = TOP / "monitoring/prometheus/scale"
ALERTS = (
    "ServiceDown WorkerPoolDegraded HighErrorRate HighLatencyP95 SLOAvailabilityBurnFast SLOAvailabilityBurnSlow "
    "SLOLatencyBurn RedisDown PostgresDown PgBouncerSaturated AutoscalerAtMax HighRequestRate HighMemory HighCPU IngestLag "
    "ClickLoss JournalDiskFull CertificateExpiring EnumerationSuspected TargetDown Watchdog MonitorDown SpansDropped"
).split()
DASHBOARDS = {"golden-signals", "redirects-cache", "postgresql-pgbouncer", "infrastructure", "slo", "incidents"}
FOREIGN = {"up", "probe_success", "probe_ssl_earliest_cert_expiry", "redis_up", "pg_up", "nginx_requests_total"}


def rules_of(*kinds):
    """The rules of all files that have one of the keys: record, alert."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return [rule for rule in rules if any(kind in rule for kind in kinds)]


def cases():
    """(alert, whether it fires) of what the files of cases expect of ALERTS."""
    for path in CASES.glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["promql_expr_test"]:
                found = re.search(r'ALERTS\{alertname=~?"([\w|]+)"', check["expr"])
                for name in found[1].split("|") if found else ():
                    yield name, bool(check["exp_samples"])


def names_in(expr):
    """The metrics that an expression asks for."""
    expr = re.sub(r'"[^"]*"|\{[^}]*\}|#.*', "", expr)
    expr = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", "", expr)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\s*\()\b", re.sub(r"\[[^]]*\]|\boffset\s+\w+", "", expr))
    return set(words) - {"or", "and", "unless", "by", "on", "sum", "max", "count", "avg"}


def scale(percent, text):
    return subprocess.run([SCALE, str(percent)], input=text, check=True, capture_output=True, text=True).stdout


def test_all_alerts_are_there():
    assert sorted(rule["alert"] for rule in rules_of("alert")) == sorted(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_all_that_who_is_on_call_needs(name):
    rule = next(rule for rule in rules_of("alert") if rule["alert"] == name)
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert notes["summary"] and notes["description"]
    assert notes["runbook_url"] == f"{{{{ $externalURL }}}}/#/runbook/{name}"
    assert notes["dashboard"].removeprefix("{{ $externalURL }}/#/d/") in DASHBOARDS
    assert f"\n## {name}\n" in (TOP / "RUNBOOK.md").read_text()


def test_the_dashboards_that_alerts_name_are_there():
    files = {path.stem for path in (TOP / "monitoring/grafana/dashboards").glob("*.json")}
    assert DASHBOARDS <= files


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_case_that_fires_and_one_that_does_not(name):
    found = {fires for alert, fires in cases() if alert == name}
    # Samples that are expected are all there are: other series of the case are silent. The
    # watchdog is never silent.
    assert True in found
    silent = any(len(test["input_series"]) > 1 for path in CASES.glob("*.yml")
                 for test in yaml.safe_load(path.read_text())["tests"]
                 if any(name in check["expr"] for check in test["promql_expr_test"]))
    assert False in found or silent or name == "Watchdog"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_cases_hold(path):
    run = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_metrics_in_rules_are_recorded_exported_or_of_a_known_exporter():
    families = re.findall(r'\{ "(terse_\w+)", (\w+)', (TOP / "lib/base/metric_family.c").read_text())
    known = FOREIGN | {rule["record"] for rule in rules_of("record")}
    for name, kind in families:
        known |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "HISTOGRAM" else {name}
    for rule in rules_of("record", "alert"):
        unknown = {name for name in names_in(str(rule["expr"])) if not re.fullmatch(r"[\d.]+", name)} - known
        assert not unknown, (rule.get("alert", rule.get("record")), unknown)


@pytest.mark.parametrize("percent", [1, 2, 5, 50, 100, 300])
@pytest.mark.parametrize("path", sorted(RULES.glob("*.yml")), ids=lambda path: path.stem)
def test_scaled_rules_are_rules(tmp_path, path, percent):
    (tmp_path / "rules.yml").write_text(scale(percent, path.read_text()))
    run = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    if percent == 100:
        assert (tmp_path / "rules.yml").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("percent, before, after", [
    (50, "  for: 15s", "  for: 7s500ms"),
    (5, "    group_wait: 30s # as long as that", "    group_wait: 1s500ms # as long as that"),
    (5, "  - interval: 5m", "  - interval: 15s"),
    (1, "  scrape_interval: 5s", "  scrape_interval: 1s"),
    (1, "  group_wait: 0s", "  group_wait: 0s"),
    (1, "  for: 15s", "  for: 150ms"),
    (1, "  repeat_interval: 4h", "  repeat_interval: 2m24s"),
    (1, "  interval: 500ms", "  interval: 500ms"),
    (300, "  for: 90m", "  for: 4h30m"),
    (100, "  for: 90m", "  for: 90m"),
    (10, "expr: rate(a[5m])", "expr: rate(a[30s])"),
    (1, "expr: rate(a[5m])", "expr: rate(a[5s])"),
    (10, "- expr: avg_over_time(a:rate5m[1h:5m] offset 5m)", "- expr: avg_over_time(a:rate5m[6m:30s] offset 30s)"),
    (10, "expr: max_over_time(a[1h:]) offset -1d", "expr: max_over_time(a[6m:]) offset -2h24m"),
    (10, "expr: a{b=\"[5m]\"} > 5 # [5m]", "expr: a{b=\"[5m]\"} > 5 # [5m]"),
    (10, "expr: |\n  a[5m]\n\n  offset 1h\nfor: 1m", "expr: |\n  a[30s]\n\n  offset 6m\nfor: 6s"),
    (10, "description: >-\n  for: 1m\n  a[5m]\nfor: 1m", "description: >-\n  for: 1m\n  a[5m]\nfor: 6s"),
    (10, "summary: for: 1m", "summary: for: 1m"),
    (10, "# for: 1m", "# for: 1m"),
    (10, "for: soon", "for: soon"),
])
def test_durations_are_scaled_and_nothing_else(percent, before, after):
    assert scale(percent, before) == after


@pytest.mark.parametrize("arguments", [[], ["0"], ["-1"], ["x"], ["5", "6"], ["99999"]])
def test_scale_refuses_what_is_no_percentage(arguments):
    run = subprocess.run([SCALE, *arguments], input="", capture_output=True, text=True, check=False)
    assert run.returncode == 1 and "usage" in run.stderr

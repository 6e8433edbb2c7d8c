"""Dashboards: that they are whole, that Grafana would take them, and that every query has something to show."""

import json
import re
import subprocess

import pytest
import yaml

import dashboards
import npm
from stack import TOP

RULES = TOP / "monitoring/prometheus/rules/alerts.yml"
KINDS = {"row", "timeseries", "stat", "gauge", "bargauge", "table", "logs", "text", "alertlist"}
SOURCES = {"prometheus", "loki", "alertmanager"}
UIDS = {path.stem for path in dashboards.PATHS}
each = pytest.mark.parametrize("path", dashboards.PATHS, ids=lambda path: path.stem)


def alerts():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def links_of(dashboard):
    """Every address that the dashboard leads to."""
    return re.findall(r'"url": "([^"]+)"', json.dumps(dashboard))


def cells_of(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


@each
def test_a_file_is_written_in_the_one_way(path):
    text = path.read_bytes().decode()
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@each
def test_a_dashboard_says_what_it_is_and_shows_the_alerts(path):
    dashboard = dashboards.load(path)
    assert dashboard["uid"] == path.stem and dashboard["title"] and dashboard["description"]
    assert dashboard["refresh"] == "10s" and dashboard["time"] == {"from": "now-1h", "to": "now"}
    assert "terse" in dashboard["tags"]
    assert any(link["type"] == "dashboards" and link["tags"] == ["terse"] for link in dashboard["links"])
    assert any(note["enable"] and note["expr"].startswith("ALERTS{") for note in dashboard["annotations"]["list"])


@each
def test_a_panel_is_described_and_in_nobodys_way(path):
    taken = set()
    dashboard = dashboards.load(path)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert panel["type"] in KINDS, panel["title"]
        cells = cells_of(panel)
        assert not cells & taken and all(x < 24 for x, _ in cells), panel["title"]
        taken |= cells
    for panel in dashboards.panels_of(dashboard):
        assert panel["title"] and panel["description"].endswith("."), panel
        assert panel["datasource"]["uid"] in SOURCES


@each
def test_a_panel_that_plots_has_a_unit_thresholds_and_a_way_to_logs_and_traces(path):
    for panel in dashboards.panels_of(dashboards.load(path)):
        if "fieldConfig" not in panel:
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] and defaults["thresholds"]["steps"], panel["title"]
        if panel["type"] == "timeseries":
            urls = [link["url"] for link in defaults["links"]]
            assert any("#/logs?" in url for url in urls) and any("#/traces?" in url for url in urls)
            assert panel["options"]["legend"]["showLegend"]


@each
def test_links_lead_to_what_there_is(path):
    for url in links_of(dashboards.load(path)):
        kind, name = re.fullmatch(r"/ops/#/(runbook|d|logs|traces)(?:/([^?]+))?(?:\?.*)?", url).groups()
        if kind == "runbook":
            assert name in {None, "${__value.raw}", *alerts()}, url
        elif kind == "d":
            assert name in UIDS, url


def test_every_alert_leads_to_a_dashboard_and_is_led_to_from_one():
    linked = {url.rpartition("/")[2] for path in dashboards.PATHS for url in links_of(dashboards.load(path))}
    for name, rule in alerts().items():
        assert rule["annotations"]["dashboard"].rpartition("/")[2] in UIDS, name
        assert name in linked, name


def test_variables_of_one_name_are_the_same_everywhere():
    for path in dashboards.PATHS:
        for variable in dashboards.load(path)["templating"]["list"]:
            assert variable == dashboards.variables()[variable["name"]], path.stem


def test_queries_of_prometheus_are_its_language(tmp_path):
    values = {**dashboards.all_values(), **dashboards.builtin(3600, 15)}
    rules = [{"record": f"query:{number}", "expr": dashboards.interpolate(target["expr"], values), "labels": {"of": name}}
             for number, (name, _, target) in enumerate(dashboards.queries()) if target["datasource"]["uid"] == "prometheus"]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_variables_are_filled_in_as_grafana_does():
    values = {"host": ["a.b", "c"], "one": ["x.y"], "all": ".*", **dashboards.builtin(3600, 15)}
    assert dashboards.interpolate('{h=~"$host"}', values) == r'{h=~"(a\\.b|c)"}'
    assert dashboards.interpolate('{h=~"${host:regex}"}', values) == r'{h=~"(a\.b|c)"}'
    assert dashboards.interpolate('{h=~"$one", i=~"$all"}', values) == r'{h=~"x\\.y", i=~".*"}'
    assert dashboards.interpolate("[$__range] $__range_s [$__interval]", values) == "[3600s] 3600 [15s]"
    assert dashboards.interpolate("[$__rate_interval]", values) == "[20s]"
    assert dashboards.builtin(86400, 60)["__rate_interval"] == "65s"


def schema_check(*paths):
    return subprocess.run(["node", npm.WEB / "dashboard_schema.js", npm.modules(), *paths], capture_output=True,
                          text=True, check=False)


@pytest.mark.full
def test_grafanas_own_types_take_the_dashboards():
    done = schema_check(*dashboards.PATHS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.parametrize("spoil, says", [
    (lambda d: d.update(refreshh="10s"), "additional properties refreshh"),
    (lambda d: d.pop("schemaVersion"), "schemaVersion"),
    (lambda d: d["panels"][0].update(gridPos={"x": "left"}), "gridPos"),
    (lambda d: d["panels"][0].update(type="pie"), "kind pie"),
    (lambda d: d["panels"][0]["options"].update(graphMode="pretty"), "graphMode"),
    (lambda d: d["panels"][0]["fieldConfig"]["defaults"]["thresholds"].update(mode="odd"), "thresholds"),
    (lambda d: d["panels"][0]["targets"][0].pop("expr"), "expr"),
    (lambda d: d["annotations"]["list"][0].pop("expr"), "expr"),
], ids="unknown none position kind option threshold query note".split())
def test_a_broken_dashboard_is_refused(tmp_path, spoil, says):
    dashboard = dashboards.load(dashboards.FOLDER / "golden-signals.json")
    spoil(dashboard)
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(dashboard))
    done = schema_check(file)
    assert done.returncode == 1 and says in done.stdout, done.stdout + done.stderr

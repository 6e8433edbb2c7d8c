"""Dashboards: that they are whole, that Grafana would take them, and that every query has something to show."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import yaml

import dashboards
import npm
from stack import TOP, Stack, wait_for
from traffic import Call, Traffic, create, follow, read

pytestmark = pytest.mark.once
RULES = TOP / "monitoring/prometheus/rules/alerts.yml"
KINDS = {"row", "timeseries", "stat", "gauge", "bargauge", "table", "logs", "text", "alertlist"}
SOURCES = {"prometheus", "loki", "alertmanager"}
LOKI, STEP_S = 6, 5
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
    exprs = [(name, dashboards.interpolate(target["expr"], values)) for name, target in dashboards.queries()
             if target["datasource"]["uid"] == "prometheus"]
    rules = [{"record": f"query:{number}", "expr": expr, "labels": {"of": name}}
             for number, (name, expr) in enumerate(exprs)]
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


# What breaks a dashboard, and what is said of it.
SPOILT = {
    "additional properties refreshh": lambda d: d.update(refreshh="10s"),
    "schemaVersion": lambda d: d.pop("schemaVersion"),
    "gridPos": lambda d: d["panels"][0].update(gridPos={"x": "left"}),
    "kind pie": lambda d: d["panels"][0].update(type="pie"),
    "graphMode": lambda d: d["panels"][0]["options"].update(graphMode="pretty"),
    "thresholds": lambda d: d["panels"][0]["fieldConfig"]["defaults"]["thresholds"].update(mode="odd"),
    "targets/A: must have required property 'expr'": lambda d: d["panels"][0]["targets"][0].pop("expr"),
    "annotations/list/0: must have required property 'expr'": lambda d: d["annotations"]["list"][0].pop("expr"),
}


@pytest.mark.full
def test_a_broken_dashboard_is_refused(tmp_path):
    for number, spoil in enumerate(SPOILT.values()):
        dashboard = dashboards.load(dashboards.FOLDER / "golden-signals.json")
        spoil(dashboard)
        (tmp_path / f"{number}.json").write_text(json.dumps(dashboard))
    done = schema_check(*sorted(tmp_path.iterdir()))
    assert done.returncode == 1, done.stderr
    for number, says in enumerate(SPOILT):
        lines = [line for line in done.stdout.splitlines() if f"/{number}.json: " in line]
        assert any(says in line for line in lines), (says, lines)


class Watch:
    """Which queries have returned something so far, as the dashboards are opened and with all values chosen."""

    def __init__(self, stack):
        self.began = time.time()
        self.prometheus = dashboards.Source(stack.prometheus_port)
        self.loki = dashboards.Source(stack.full_port + LOKI, "/loki/api/v1")
        self.missing = None

    def is_there(self):
        """Whether both answer, and Prometheus knows of redirects."""
        try:
            self.loki.get("labels")
            return self.prometheus.label_values("label_values(terse_redirects_total, layer)")
        except (OSError, AssertionError):
            return False

    def choose(self):
        """Begins, once there is something to choose from."""
        chosen = dashboards.real_values(self.prometheus)
        assert all(chosen[name] for name in chosen if name != "request_id"), chosen
        self.missing = {(name, how): (target, values) for name, target in dashboards.queries()
                        for how, values in (("all", dashboards.all_values()), ("chosen", chosen))}

    def look(self):
        """Whether every query has returned something by now."""
        now = time.time()
        filled = dashboards.builtin(int(now - self.began) + 60, STEP_S)
        for key, (target, values) in list(self.missing.items()):
            kind = target["datasource"]["uid"]
            expr = dashboards.interpolate(target["expr"], {**values, **filled}, kind)
            if getattr(self, kind).points(target, expr, self.began, now, STEP_S):
                del self.missing[key]
        return not self.missing


def alerts_that(stack, states):
    """The alerts that are in one of the states."""
    return {labels["alertname"] for labels, _ in stack.prometheus(f'ALERTS{{alertstate=~"{states}"}}')}


def is_limited(stack):
    """Whether a client who asks for much is refused by now."""
    request = urllib.request.Request(stack.url + "/urls", headers={"X-Forwarded-For": "203.0.113.7"})
    try:
        with urllib.request.urlopen(request, timeout=10):
            return False
    except urllib.error.HTTPError as error:
        return error.code == 429


def new_code(stack):
    request = urllib.request.Request(stack.url + "/urls", data=b'{"original_url": "https://example.org/"}',
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)["short_code"]


def breakage(stack, watch):
    """Restarts, a deploy, and failures of what terse depends on, each for as long as its alerts need."""
    stack.kill("redirect-a", "terse-worker")
    stack.sv("hup", "api-a")
    wait_for(lambda: is_limited(stack))
    stack.sv("down", "redis")
    stack.sv("down", "pgbouncer")
    wait_for(lambda: alerts_that(stack, "firing") >= {"RedisDown", "PostgresDown"}, 60, 0.5)
    wait_for(lambda: "SLOAvailabilityBurnFast" in alerts_that(stack, "firing|pending"), 60, 0.5)
    wait_for(stack.alerts, 30, 0.5)
    watch.look()
    stack.sv("up", "redis")
    stack.sv("up", "pgbouncer")
    stack.wait_ready(60)


@pytest.mark.full
def test_every_query_returns_something_under_load_and_faults():
    with Stack(TERSE_MONITORING="full", TERSE_TRACE_SAMPLE_PPM=1000000, TERSE_RATE_API=5,
               TERSE_POOL_WINDOW_MS=500, TERSE_POOL_HIGH_PERCENT=2, TERSE_POOL_LOW_PERCENT=1,
               TERSE_POOL_UP_COOLDOWN_MS=2000) as stack:
        watch = Watch(stack)
        unknown = Call("unknown", "GET", "/nobodys", 404)
        with Traffic(stack.port, [follow(new_code(stack)), read(), create(), unknown], clients=3):
            wait_for(watch.is_there, 60, 0.5)
            watch.choose()
            watch.look()
            breakage(stack, watch)
        try:
            wait_for(watch.look, 150, 1)
        except AssertionError:
            raise AssertionError("nothing: " + "; ".join(map(str, sorted(watch.missing)))) from None

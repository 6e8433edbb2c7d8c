"""What ./ci/up starts beside the service itself: terse-monitor, Prometheus and Alertmanager."""

import pytest

from stack import Stack, wait_for

pytestmark = pytest.mark.once
CORE = {"monitor", "prometheus", "alertmanager"}


@pytest.fixture(scope="module", name="stack")
def core_stack():
    with Stack(TERSE_MONITORING="core", TERSE_ALERT_SCALE_PERCENT=20) as stack:
        yield stack


def test_core_monitoring_runs_and_reaches_the_service(stack):
    assert CORE <= set(stack.services())
    wait_for(lambda: stack.targets() == {"terse": "up", "prometheus": "up", "alertmanager": "up"}, 30)
    wait_for(lambda: stack.prometheus("terse_build_info"))


def test_terse_monitor_tells_of_what_the_service_depends_on(stack):
    def up():
        return {labels["dependency"]: value for labels, value in stack.prometheus("terse_dependency_up")}

    wait_for(lambda: up() == {"postgresql": 1, "pgbouncer": 1, "redis": 1}, 30)


def test_a_second_up_restarts_nothing_and_a_new_scale_is_taken_over_without_a_restart(stack):
    before = {name: stack.pids(name) for name in CORE}
    assert stack.control("start").returncode == 0
    assert {name: stack.pids(name) for name in CORE} == before
    done = stack.control("start", TERSE_ALERT_SCALE_PERCENT=40)
    assert done.returncode == 0, done.stderr
    assert "scrape_interval: 2s" in (stack.state / "etc/prometheus/prometheus.yml").read_text()
    loaded = "prometheus_config_last_reload_successful"
    wait_for(lambda: "scrape_interval: 2s" in
             stack.watcher(stack.prometheus_port, "/api/v1/status/config")["data"]["yaml"])
    wait_for(lambda: [value for _, value in stack.prometheus(loaded)] == [1])
    assert {name: stack.pids(name) for name in ("prometheus", "alertmanager")} == \
        {name: before[name] for name in ("prometheus", "alertmanager")}


def test_without_monitoring_nothing_of_it_is_left(stack):
    assert stack.control("start", TERSE_MONITORING="off").returncode == 0
    assert not CORE & set(stack.services())
    assert not [pid for name in CORE for pid in stack.pids(name)]
    assert stack.ready()["status"] == "ok"
    assert stack.control("status", TERSE_MONITORING="off").returncode == 0

"""Health, readiness, metrics."""

import re

import pytest

OUTSIDER = ("X-Forwarded-For", "203.0.113.9")


def test_health_is_about_the_process_alone(api):
    reply = api.get("/health")
    assert (reply.status, reply.json()) == (200, {"status": "ok"})


def test_ready_names_each_part(api):
    reply = api.get("/health/ready")
    assert (reply.status, reply.json()["status"]) == (200, "ok")
    assert set(reply.json()["checks"]) == {"postgresql", "pgbouncer", "redis", "journal"}
    assert {check["state"] for check in reply.json()["checks"].values()} == {"ok"}


@pytest.mark.parametrize("path", ["/metrics", "/prom_metrics", "/api/v1/metrics"])
def test_metrics_are_prometheus_text(api, path):
    reply = api.get(path)
    assert reply.status == 200 and reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in reply.body.decode().splitlines() if line and not line.startswith("#")]
    assert all(
        re.fullmatch(r'[a-zA-Z_:][\w:]*(\{(\w+="[^"\\]*",?)*\})? [-+]?(\d[\d.e+-]*|Inf|NaN)', line)
        for line in lines
    )
    assert re.search(r"^# TYPE \w*requests\w* counter$", reply.body.decode(), re.M)
    assert re.search(r"^# TYPE \w*duration\w* histogram$", reply.body.decode(), re.M)


def test_metrics_are_openmetrics_where_that_is_asked_for(api):
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    reply = api.get("/metrics", [("Accept", accept)])
    assert reply.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    text = reply.body.decode()
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    assert families["terse_http_requests"] == "counter" and not [f for f in families if f.endswith("_total")]
    assert 'terse_http_requests_total{route="' in text
    assert "EOF" not in api.get("/metrics", [("Accept", "text/plain")]).body.decode()


def test_processes_say_what_they_use(api):
    text = api.get("/metrics").body.decode()
    for program in ("worker", "pool", "ingest"):
        for name in ("processes", "process_resident_memory_bytes", "process_open_fds"):
            (value,) = re.findall(rf'^terse_{name}{{program="{program}"}} ([\d.e+]+)$', text, re.M)
            assert float(value) >= 1, (program, name)
        assert f'terse_process_cpu_seconds_total{{program="{program}"}} ' in text
    assert re.search(r'^terse_pool_workers_limit{pool="api-a",bound="max"} [1-9]', text, re.M)
    assert re.search(r"^terse_journal_pending_bytes \d", text, re.M)
    assert "\nterse_ingest_lost_total 0\n" in text


def test_metrics_count_requests_and_take_no_label_from_input(api):
    def count():
        lines = api.get("/metrics").body.decode().splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if re.match(r'terse_http_requests_total{.*route="user_show"', line)
        )

    before = count()
    for _ in range(5):
        api.get("/users/0")
    assert count() >= before + 5
    api.get("/zzmarkzz")
    api.send("HEAD", "/stats/zzmarkzz")
    assert b"zzmarkzz" not in api.get("/metrics").body


@pytest.mark.parametrize("path", ["/metrics", "/prom_metrics"])
def test_metrics_are_for_operators(api, admin_key, path):
    assert api.get(path, [OUTSIDER]).status == 404
    for header in (
        ("Authorization", "Bearer wrong"),
        ("X-Api-Key", "wrong"),
        ("Authorization", f"Basic {admin_key}"),
        ("X-Api-Key", ""),
    ):
        assert api.get(path, [OUTSIDER, header]).status == 404
    for header in (("Authorization", f"Bearer {admin_key}"), ("X-Api-Key", admin_key)):
        assert api.get(path, [OUTSIDER, header]).status == 200
    for spoof in (
        "127.0.0.1, 203.0.113.9",
        "::1,203.0.113.9",
        "203.0.113.9",
        "[::1]",
        "garbage, 203.0.113.9",
    ):
        assert api.get(path, [("X-Forwarded-For", spoof), ("X-Real-IP", "127.0.0.1")]).status in (
            (404, 200) if spoof == "[::1]" else (404,)
        )


def test_what_comes_later_is_not_there(api):
    assert api.get("/chaos").status == 404

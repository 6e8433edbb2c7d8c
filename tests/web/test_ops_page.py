"""The page /ops in a real browser, in front of a stack that works."""

import json
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.request

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import npm
from browser import NARROW
from stack import TOP, wait_for

pytestmark = pytest.mark.full

BOARDS = sorted(path.stem for path in (TOP / "monitoring/grafana/dashboards").glob("*.json"))
PAGES = ["#/", "#/alerts", "#/logs", "#/traces", "#/explore?expr=up", "#/runbook"]
# A few lines and panels stand for many: axe looks at each element of them.
READ = [*(route for route in PAGES if route != "#/logs"), "#/logs?service=monitor", "#/d/golden-signals?from=now-5m&to=now"]
HOSTILE = """<script>window.harm = 1</script><img src=x onerror="window.harm = 1">{{x}}"""


def test_what_is_kept_of_others_is_what_the_pinned_build_makes():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([TOP / "ci/www", folder], check=True)
        for path in pathlib.Path(folder).iterdir():
            assert path.read_bytes() == (TOP / "nginx/www/ops/vendor" / path.name).read_bytes(), path.name


def test_the_scripts_follow_the_rules(tmp_path):
    shutil.copy(TOP / "tests/web/eslint.config.js", tmp_path)
    shutil.copytree(TOP / "nginx/www/ops/js", tmp_path / "js")
    (tmp_path / "node_modules").symlink_to(npm.modules())
    run = subprocess.run(["node_modules/.bin/eslint", "js"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("uid", BOARDS)
def test_each_panel_of_a_dashboard_shows_data_or_says_that_there_are_none(browser, uid):
    browser.open(f"#/d/{uid}?from=now-5m&to=now")
    browser.whole()
    panels = browser.panels()
    assert len(panels) > 3
    assert not [panel for panel in panels if panel[1] not in ("data", "empty")]
    assert sum(state == "data" for _, state, _ in panels) > len(panels) / 2
    assert browser.complaints() == []


@pytest.mark.parametrize("route", PAGES)
def test_each_page_opens_without_a_complaint(browser, route):
    browser.open(route)
    assert browser.find("h1").text
    assert not browser.all(".panel-error:not([hidden])")
    assert browser.complaints() == []


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("route", READ)
def test_axe_finds_nothing_serious(browser, route, theme):
    browser.prefer(theme)
    browser.open(route)
    browser.run((npm.modules() / "axe-core/axe.min.js").read_text())
    found = browser.driver.execute_async_script("axe.run().then(arguments[0])")["violations"]
    serious = [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found if one["impact"] in ("serious", "critical")]
    assert not serious


def test_the_key_is_asked_for_and_a_wrong_one_refused(browser, scene):
    browser.run("sessionStorage.clear()")
    browser.driver.get("about:blank")
    browser.driver.get(f"{scene.stack.url}/ops/#/alerts")
    wait_for(lambda: browser.all("dialog.login[open]"))
    browser.find("#key").send_keys("not the key", Keys.ENTER)
    wait_for(lambda: browser.all("dialog.login[open]") and "not the right one" in browser.text("#key-why"))
    browser.find("#key").send_keys(scene.stack.secret("admin_key"), Keys.ENTER)
    browser.settle()
    assert not browser.all("dialog")
    assert browser.run("return sessionStorage.getItem('terse-admin-key')") == scene.stack.secret("admin_key")
    assert browser.run("return localStorage.length + document.cookie.length") == 0
    browser.complaints()  # 401 is one


def test_the_range_can_be_chosen_and_is_in_the_address(browser):
    browser.open("#/d/golden-signals")
    browser.find(".time-picker summary").click()
    next(one for one in browser.all(".presets button") if one.text == "Last 15 minutes").click()
    browser.settle()
    assert "from=now-15m" in browser.driver.current_url
    assert browser.text(".time-picker summary") == "Last 15 minutes"


def test_dragging_over_a_chart_zooms(browser):
    browser.open("#/d/golden-signals?from=now-5m&to=now")
    chart = browser.find(".kind-timeseries .u-over")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(browser.driver).move_to_element_with_offset(chart, -60, 0).click_and_hold().move_by_offset(100, 0).release().perform()
    wait_for(lambda: re.search(r"from=\d{13}&to=\d{13}", browser.driver.current_url))


def test_refresh_asks_again_and_off_does_not(browser):
    browser.open("#/explore?expr=up&refresh=5s")
    asked = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('query')).length"
    before = browser.run(asked)
    wait_for(lambda: browser.run(asked) > before, 10)
    browser.open("#/d/golden-signals")
    assert browser.run("return document.querySelector('[aria-label=\"Refresh every\"]').value") == "10s"


def test_a_variable_changes_what_is_asked(browser):
    browser.open("#/d/golden-signals?from=now-5m&to=now&var-pool=api-a&refresh=off")
    browser.whole()
    names = browser.run("return performance.getEntriesByType('resource').map((one) => decodeURIComponent(one.name)).join('\\n')")
    assert 'api-a"' in names
    assert "api-a" in browser.run("return [...document.querySelectorAll('.choices summary')].map((one) => one.textContent)")


def test_the_tooltip_names_time_and_values(browser):
    browser.open("#/d/golden-signals?from=now-5m&to=now&refresh=off")
    chart = browser.find(".kind-timeseries .u-over")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", chart)
    ActionChains(browser.driver).move_to_element_with_offset(chart, chart.size["width"] // 2 - 30, 0).perform()
    tip = wait_for(lambda: next((one for one in browser.all(".tip") if one.is_displayed()), None))
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", tip.text)
    assert re.search(r"p95\s+[\d.]+ (µs|ms|s)", tip.text)


def test_the_theme_follows_the_system_until_it_is_switched(browser):
    browser.prefer("light")
    browser.open("#/")
    assert browser.run("return document.documentElement.dataset.theme") == "light"
    browser.find("button.theme").click()
    browser.open("#/alerts")
    assert browser.run("return document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_the_menus(browser):
    browser.open("#/d/golden-signals")
    summary = browser.find(".time-picker summary")
    summary.send_keys(Keys.ENTER)
    assert browser.find(".time-picker").get_attribute("open") is not None
    browser.find(".presets button").send_keys(Keys.ESCAPE)
    assert browser.find(".time-picker").get_attribute("open") is None
    assert browser.driver.switch_to.active_element == summary


def test_a_panel_can_be_read_as_a_table(browser):
    browser.open("#/d/golden-signals?from=now-5m&to=now&refresh=off")
    browser.run("const panel = document.querySelector('.kind-timeseries'); panel.scrollIntoView();"
                "[...panel.querySelectorAll('.menu-list button')].at(-1).click()")
    assert browser.all(".kind-timeseries table.data tbody tr")


def test_a_collapsed_row_hides_its_panels(browser):
    browser.open("#/d/golden-signals?from=now-5m&to=now")
    row = browser.find("details.row")
    row.find_element("css selector", "summary").click()
    assert not browser.run("return arguments[0].querySelector('.panel').checkVisibility()", row)


def test_nothing_that_comes_from_data_becomes_markup(browser):
    expr = json.dumps(HOSTILE)
    browser.open("#/explore?" + "expr=" + browser.run("return encodeURIComponent(arguments[0])", f'label_replace(vector(1), "a", {expr}, "", "")'))
    assert "<script>" in browser.text()
    assert browser.run("return window.harm") is None
    assert not browser.all("#view script, #view img")
    browser.open("#/d/" + browser.run("return encodeURIComponent(arguments[0])", HOSTILE))
    browser.open("#/logs?text=" + browser.run("return encodeURIComponent(arguments[0])", HOSTILE))
    assert browser.run("return window.harm") is None
    assert browser.complaints() == []


def test_a_very_long_label_breaks_nothing(browser):
    browser.open(f"#/explore?expr=label_replace(vector(1),%22a%22,%22{'x' * 3000}%22,%22%22,%22%22)")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_query_that_is_wrong_says_so_in_its_panel(browser):
    browser.open("#/explore?expr=rate(")
    assert "parse error" in browser.text(".panel .panel-error")


def test_prometheus_links_to_itself_lead_to_explore(browser):
    browser.driver.get(f"{browser.url}/ops/graph?g0.expr=up+%3D%3D+1&g0.tab=1")
    browser.settle()
    assert "#/explore" in browser.driver.current_url
    assert browser.find("textarea").get_property("value") == "up == 1"


def test_the_runbook_shows_one_alert_alone(browser):
    heading = re.search(r"^## (.+)$", (TOP / "RUNBOOK.md").read_text(), re.M)[1]
    browser.open("#/runbook/" + heading)
    assert [one.text for one in browser.all("article h2")] == [heading]


def test_a_request_is_found_in_the_logs_by_its_id(browser, scene):
    scene.ask("GET", "/urls?per_page=1", headers=[("X-Request-Id", "looked-for-1")])

    def logged():
        browser.open("#/logs?request_id=looked-for-1&from=now-15m")
        return browser.all(".logs li")
    assert "/urls" in wait_for(logged, 30, 1)[0].text


def test_a_trace_is_drawn_as_a_tree(browser, scene):
    trace, now = secrets.token_hex(16), time.time_ns()
    spans = [{"traceId": trace, "spanId": f"{i:016x}", "parentSpanId": f"{i - 1:016x}" if i > 1 else "", "kind": 2, "name": name,
              "startTimeUnixNano": str(now + i * 1000000), "endTimeUnixNano": str(now + 9000000)} for i, name in enumerate(["GET", HOSTILE, "SQL"], 1)]
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "of-a-test"}}]}
    request = urllib.request.Request(f"http://127.0.0.1:{scene.stack.full_port + 10}/v1/traces", json.dumps({
        "resourceSpans": [{"resource": service, "scopeSpans": [{"spans": spans}]}]}).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()

    def traced():
        browser.open(f"#/traces/{trace}")
        return browser.all(".spans > li > ul > li > ul > li")
    assert "SQL" in wait_for(traced, 20, 0.5)[0].text
    assert browser.run("return window.harm") is None
    browser.open("#/traces?service=of-a-test")
    assert browser.find("#view table a").get_attribute("href").endswith(trace)


def test_all_fits_a_telephone(browser):
    browser.size(*NARROW)
    for route in ("#/", "#/d/golden-signals", "#/alerts", "#/logs", "#/runbook"):
        browser.open(route)
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), route

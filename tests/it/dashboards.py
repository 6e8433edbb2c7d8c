"""Dashboards: what is in the files, and how Grafana fills in a query. monitoring/README.md has the same rules."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from stack import TOP

FOLDER = TOP / "monitoring/grafana/dashboards"
PATHS = sorted(FOLDER.glob("*.json"))
SCRAPE_S = 5
VARIABLE = re.compile(r"\$(?:\{(\w+)(?::(\w+))?\}|(\w+))")
LABEL_VALUES = re.compile(r"label_values\((.*), *(\w+)\)")


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries():
    """(name, target) of every query of every panel, and of the marks that say when alerts fired."""
    for path in PATHS:
        dashboard = load(path)
        for panel in panels_of(dashboard):
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}: {target['refId']}", target
        for note in dashboard["annotations"]["list"]:
            yield f"{path.stem}: {note['name']}", note


def variables():
    """Variables by name; the same name means the same everywhere."""
    return {variable["name"]: variable for path in PATHS for variable in load(path)["templating"]["list"]}


def builtin(range_s, step_s):
    """What Grafana itself fills in."""
    return {
        "__interval": f"{step_s}s", "__rate_interval": f"{max(4 * SCRAPE_S, step_s + SCRAPE_S)}s",
        "__range": f"{range_s}s", "__range_s": str(range_s),
    }


def joined(values, source):
    """Values as a regular expression; Prometheus's strings need their backslashes twice."""
    escaped = [re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", value) for value in values]
    if source == "prometheus":
        escaped = [value.replace("\\", "\\\\") for value in escaped]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def interpolate(expr, values, source="prometheus"):
    """expr with its variables replaced by values: a text as it is, a list as a regular expression."""
    def value_of(found):
        name, kind, bare = found.groups()
        value = values[name or bare]
        if isinstance(value, str):
            return value
        return joined(value, "any" if kind == "regex" else source)

    return VARIABLE.sub(value_of, expr)


def all_values():
    """Every variable as it is when a dashboard is opened: All, or its text."""
    return {name: variable["allValue"] if variable.get("includeAll") else variable["current"]["value"]
            for name, variable in variables().items()}


class Source:
    """Prometheus, or Loki, which has the same interface below /loki."""

    def __init__(self, port, path="/api/v1"):
        self.url = f"http://127.0.0.1:{port}{path}"

    def get(self, call, **args):
        url = f"{self.url}/{call}?{urllib.parse.urlencode(args)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code} {error.read().decode()[:300]}: {args}") from None

    def points(self, target, expr, start, end, step_s):
        """How many numbers, or lines, a panel's query returns."""
        if target.get("instant") or target.get("queryType") == "instant":
            result = self.get("query", query=expr, time=end)["result"]
        else:
            more = {"limit": 200} if "queryType" in target else {}
            result = self.get("query_range", query=expr, start=start, end=end, step=step_s, **more)["result"]
        found = [value for series in result for value in series.get("values", [series.get("value")])]
        return sum(str(value[1]) != "NaN" for value in found)

    def label_values(self, definition):
        """What a variable's label_values(selector, label) may be."""
        selector, label = LABEL_VALUES.fullmatch(definition).groups()
        return sorted({series[label] for series in self.get("series", **{"match[]": selector}) if label in series})


def real_values(prometheus):
    """Every variable with each of its values chosen by hand."""
    return {
        **all_values(),
        **{name: prometheus.label_values(variable["query"]) for name, variable in variables().items()
           if variable["type"] == "query"},
        **{name: variable["query"].split(",") for name, variable in variables().items()
           if variable["type"] == "custom"},
    }

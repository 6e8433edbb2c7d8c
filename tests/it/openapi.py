"""docs/openapi.yaml as a judge: whether it is sound, and whether an exchange over HTTP is what it says.

openapi-3.1.schema.json is the OpenAPI Initiative's own (https://spec.openapis.org/oas/3.1/schema/2022-10-07,
Apache License 2.0).
"""

import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

HERE = pathlib.Path(__file__).resolve().parent
FILE = HERE.parent.parent / "docs" / "openapi.yaml"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PREFIX = "/api/v1"
KEYWORDS = set(
    "$ref type format const enum pattern minimum maximum minLength maxLength minItems maxItems items"
    " properties required additionalProperties oneOf description default examples contentMediaType".split()
)  # of schemas; others would be typing errors, which JSON Schema lets pass


class Description:
    def __init__(self, path=FILE):
        self.doc = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.components = closed(self.doc["components"])

    def operations(self):
        """(method, path template, operation) of each, without HEAD and OPTIONS."""
        for template, item in self.doc["paths"].items():
            for method in METHODS:
                if method.lower() in item:
                    yield method, template, item[method.lower()]

    def statuses(self):
        """(method, path template, status) of each answer that the file promises."""
        for template, item in self.doc["paths"].items():
            for method in METHODS + ("OPTIONS",):
                for status in item.get(method.lower(), {}).get("responses", {}):
                    if status != "default":
                        yield method, template, int(status)

    def edge_statuses(self):
        return set(self.doc["components"]["responses"]["Edge"]["x-statuses"])

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            at = self.doc
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def template_of(self, target):
        """The path template that a request target matches, or None. Text wins over parameters."""
        path = re.sub(r"^https?://[^/]*", "", target).split("?")[0].split("#")[0]
        prefixed = path.startswith(PREFIX + "/")
        try:
            segments = [decoded(s) for s in path.removeprefix(PREFIX if prefixed else "").split("/")[1:]]
        except UnicodeDecodeError:
            return None
        matches = [t for t in self.doc["paths"] if matches_template(t, segments)]
        best = min(matches, key=lambda t: t.count("{"), default=None)
        return None if prefixed and best == "/{short_code}" else best

    def allow_of(self, template):
        """The methods that Allow must name."""
        has = {m for m, t, _ in self.operations() if t == template}
        return has | {"OPTIONS"} | ({"HEAD"} if "GET" in has else set())

    def faults(self, method, target, reply):
        """What about a reply the file does not say: a list of texts."""
        template = self.template_of(target)
        if template is None:
            return self._refusal_faults(reply, {404})
        if method not in self.allow_of(template):
            said = set(re.split(r",\s*", reply.headers.get("Allow", "")))
            wrong = [f"Allow: {said}"] if reply.status == 405 and said != self.allow_of(template) else []
            return self._refusal_faults(reply, {405}) + wrong
        operation = self.doc["paths"][template]["get" if method == "HEAD" else method.lower()]
        response = operation["responses"].get(str(reply.status))
        if response is None:
            return self._refusal_faults(reply, set())
        return self._response_faults(method, self.resolve(response), reply)

    def _refusal_faults(self, reply, expected):
        if reply.status not in expected | self.edge_statuses():
            return [f"status {reply.status} is not described"]
        return self._response_faults(reply.method, self.doc["components"]["responses"]["Edge"], reply)

    def _response_faults(self, method, response, reply):
        faults = self._header_faults(response.get("headers", {}), reply)
        content = response.get("content")
        if content is None or method == "HEAD":
            return faults + ([f"there is a body: {reply.body[:80]!r}"] if reply.body else [])
        media_type = reply.headers.get("Content-Type", "").split(";")[0]
        if media_type not in content:
            return faults + [f"content type {media_type!r} is not described"]
        if not media_type.endswith("json"):
            return faults
        schema = closed(content[media_type]["schema"])
        return faults + [
            f"{list(e.absolute_path)}: {e.message[:200]}"
            for e in self.validator(schema).iter_errors(reply.json())
        ]

    def _header_faults(self, headers, reply):
        faults = []
        for name, header in headers.items():
            header, value = self.resolve(header), reply.headers.get(name)
            if value is None:
                faults += [f"header {name} is missing"] if header.get("required") else []
            else:
                faults += [
                    f"{name}: {e.message}" for e in self.validator(header["schema"]).iter_errors(value)
                ]
        return faults

    def validator(self, schema):
        """References lead into the components, so they go along."""
        return jsonschema.Draft202012Validator({**schema, "components": self.components})

    def lint(self):
        """What is wrong with the file itself: a list of texts."""
        meta = json.loads((HERE / "openapi-3.1.schema.json").read_text(encoding="utf-8"))
        wrong = [
            f"{list(e.path)}: {e.message[:200]}"
            for e in jsonschema.Draft202012Validator(meta).iter_errors(self.doc)
        ]
        return wrong + self._reference_faults() + self._schema_faults() + self._operation_faults()

    def _reference_faults(self):
        used, wrong = set(), []
        for node in walk(self.doc):
            if isinstance(node, dict) and isinstance(node.get("$ref"), str):
                used.add(node["$ref"])
        for ref in used:
            try:
                self.resolve({"$ref": ref})
            except KeyError:
                wrong.append(f"{ref} leads nowhere")
        for kind, names in self.doc["components"].items():
            if kind != "securitySchemes":
                wrong += [
                    f"components/{kind}/{n} is not used"
                    for n in names
                    if f"#/components/{kind}/{n}" not in used
                ]
        return wrong

    def _schema_faults(self):
        wrong = []
        for node in walk(self.doc):
            if isinstance(node, dict) and isinstance(node.get("schema"), dict):
                wrong += schema_faults(node["schema"])
        for schema in self.doc["components"]["schemas"].values():
            wrong += schema_faults(schema)
        return wrong

    def _operation_faults(self):
        wrong, ids = [], []
        for method, template, operation in self.operations():
            where = f"{method} {template}"
            ids.append(operation.get("operationId"))
            wrong += [f"{where}: no {m}" for m in ("operationId", "summary", "tags") if not operation.get(m)]
            parameters = self.doc["paths"][template].get("parameters", []) + operation.get("parameters", [])
            declared = {p["name"] for p in map(self.resolve, parameters) if p["in"] == "path"}
            if declared != set(re.findall(r"{(\w+)}", template)):
                wrong.append(f"{where}: path parameters {declared}")
            if "options" not in self.doc["paths"][template]:
                wrong.append(f"{template}: no options")
        return wrong + [f"operationId {i} is there twice" for i in set(ids) if ids.count(i) > 1]


def decoded(segment):
    return urllib.parse.unquote_to_bytes(segment).decode("utf-8")


def matches_template(template, segments):
    parts = template.split("/")[1:]
    return len(parts) == len(segments) and all(
        p == s or (p.startswith("{") and s != "") for p, s in zip(parts, segments)
    )


def closed(node):
    """A copy in which an object that lists its members has no others."""
    if isinstance(node, list):
        return [closed(n) for n in node]
    if not isinstance(node, dict):
        return node
    copy = {k: closed(v) for k, v in node.items()}
    if isinstance(node.get("properties"), dict) and "type" in node:
        copy.setdefault("additionalProperties", False)
    return copy


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def schema_faults(schema):
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as e:
        return [f"{schema}: {e.message}"]
    return [f"{schema}: {word}?" for word in set(schema) - KEYWORDS] + [
        fault for part in parts_of(schema) for fault in schema_faults(part)
    ]


def parts_of(schema):
    """The schemas inside a schema."""
    parts = [*schema.get("properties", {}).values(), *schema.get("oneOf", ()), schema.get("items")]
    return [part for part in parts if isinstance(part, dict)]

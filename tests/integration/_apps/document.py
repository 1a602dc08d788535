# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A vendor's API document, and whether a request or an answer is in it."""

from __future__ import annotations

import copy
import json
import re
from urllib.parse import parse_qs, urlsplit

import jsonschema

from ...conftest import REPOSITORY

SPECS = REPOSITORY.parent / "shared" / "specs"
ABSENT = "the vendors' API documents are not beside this repository (../shared/specs)"


class Document:
    """An OpenAPI 3.0 document that tells whether a request or an answer is in it."""

    def __init__(self, path):
        self.document = json.loads(path.read_text())
        self.components = self._plain(copy.deepcopy(self.document["components"]))

    def _plain(self, value):
        """OpenAPI's own `nullable` in the words of JSON Schema."""
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {key: self._plain(item) for key, item in value.items()}
        if value.pop("nullable", False) and "type" in value:
            value["type"] = [value["type"], "null"]
        return value

    def operation(self, method, path):
        # A path without a placeholder comes before those that have one (OpenAPI 3.0, Paths Object).
        for template, operations in sorted(self.document["paths"].items(), key=lambda item: "{" in item[0]):
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in operations:
                return operations[method.lower()]
        return None

    def errors(self, schema, value):
        schema = {**self._plain(schema), "components": self.components}
        found = jsonschema.Draft202012Validator(schema).iter_errors(value)
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]

    def request(self, method, url, content_type, body):
        """What is wrong with a request."""
        parts = urlsplit(url)
        operation = self.operation(method, parts.path)
        if operation is None:
            return [f"there is no {method} {parts.path}"]
        known = {item["name"]: item for item in operation.get("parameters", []) if item["in"] == "query"}
        problems = [f"{name}: no such parameter" for name in parse_qs(parts.query) if name not in known]
        for name, (value, *_unused) in parse_qs(parts.query).items():
            if known.get(name, {}).get("schema", {}).get("type") == "boolean" and value not in ("true", "false"):
                problems.append(f"{name}: {value} is no boolean")
        content = operation.get("requestBody", {}).get("content", {})
        if body is None:
            return problems
        kind = content_type.split(";")[0]
        if kind not in content:
            return [*problems, f"a body of {kind} is not among {list(content)}"]
        schema = content[kind]["schema"]
        if kind == "multipart/form-data":
            names = re.findall(rb'form-data; name="([^"]*)"', body)
            return problems + [f"{name}: no such field" for name in names if name.decode() not in schema["properties"]]
        return problems + self.errors(schema, json.loads(body))

    def answer(self, method, path, body):
        """What is wrong with a good answer. Its status is not looked at: the document says 200 where 201 is sent."""
        content = self.operation(method, path)["responses"]["200"].get("content", {})
        return self.errors(content["application/json"]["schema"], body) if content else []

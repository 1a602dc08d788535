# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes docs/reference/*.md and roles/*/README.md from the code.

`--check` writes nothing, and fails if a page is stale. A README that does not begin with our mark was written by hand,
and is left alone.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PLAN = ROOT / "plugins/module_utils/_plan"
GENERATED = "<!-- Written by docs/generate.py (make docs). Change what it reads, not this page. -->"
_KINDS = (("modules", "module"), ("lookup", "lookup plugin"), ("callback", "callback plugin"))
_MARKUP = (
    (re.compile(r"\b[CVO]\(([^()]*(?:\([^()]*\)[^()]*)*)\)"), r"`\1`"),
    (re.compile(r"\bRV\(([^)]*)\)"), r"`\1`"),
    (re.compile(r"\bE\(([^)]*)\)"), r"`\1`"),
    (re.compile(r"\bB\(([^)]*)\)"), r"**\1**"),
    (re.compile(r"\bI\(([^)]*)\)"), r"*\1*"),
    (re.compile(r"\b[MP]\(([^)#]*)(?:#[a-z]+)?\)"), r"`\1`"),
    (re.compile(r"\bU\(([^)]*)\)"), r"<\1>"),
    (re.compile(r"\bL\(([^,)]*),\s*([^)]*)\)"), r"[\1](\2)"),
)


def pages() -> dict[Path, str]:
    """Every generated page and what it has to say."""
    reference = ROOT / "docs/reference"
    found = {
        reference / "modules.md": modules(),
        reference / "variables.md": variables(),
        reference / "services.md": services(),
    }
    for role in sorted(path for path in (ROOT / "roles").iterdir() if (path / "meta/main.yml").is_file()):
        page = role / "README.md"
        written_by_hand = page.is_file() and not page.read_text(encoding="utf-8").startswith(GENERATED)
        if not written_by_hand:
            found[page] = role_page(role)
    return found


def modules() -> str:
    """Modules and plugins, from their own documentation."""
    contents, parts = [], []
    for folder, kind in _KINDS:
        for path in sorted((ROOT / "plugins" / folder).glob("*.py")):
            documents = constants(path)
            if "DOCUMENTATION" not in documents:
                continue
            about = yaml.safe_load(documents["DOCUMENTATION"])
            name = about.get("module") or about["name"].rpartition(".")[2]
            contents.append(f"- [{name}](#{name}), {kind}: {markup(about['short_description'])}")
            parts.append(plugin(name, kind, about, documents))
    return page("Modules and plugins", "\n".join(contents), *parts)


def plugin(name: str, kind: str, about: dict[str, Any], documents: dict[str, str]) -> str:
    """One plugin's section."""
    lines = [
        f"## {name}",
        "",
        f"{kind.capitalize()} `monsterr.media.{name}`. {sentence(about['short_description'])}",
        "",
    ]
    lines += [f"- {markup(text)}" for text in listed(about.get("description"))]
    modes = about.get("attributes") or {}
    lines += ["", *(_attribute(key, value) for key, value in modes.items())] if modes else []
    options = list(flat(about.get("options") or {}, "suboptions"))
    if options:
        lines += ["", "| option | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [row(f"`{key}`", kind_of(spec), default_of(spec), meaning(spec)) for key, spec in options]
    answers = list(flat(yaml.safe_load(documents.get("RETURN", "")) or {}, "contains"))
    if answers:
        lines += ["", "| returns | type | when | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            row(f"`{key}`", kind_of(spec), markup(str(spec.get("returned", ""))), meaning(spec))
            for key, spec in answers
        ]
    if documents.get("EXAMPLES", "").strip():
        lines += ["", "```yaml", documents["EXAMPLES"].strip().removeprefix("---\n"), "```"]
    return "\n".join(lines)


def _attribute(name: str, value: dict[str, Any]) -> str:
    said = " ".join(markup(text) for text in [*listed(value.get("description")), *listed(value.get("details"))])
    return f"- {name.replace('_', ' ')}: {value.get('support', '')}. {said}".rstrip()


def variables() -> str:
    """The words of an inventory, from the plan's schemas."""
    settings = {**schemas(PLAN / "notify.py"), **schemas(PLAN / "settings.py")}
    definition = schemas(PLAN / "definition.py")
    parts = []
    for name, title in (("Stack", "For the whole stack"), ("Host", "For one host")):
        parts.append(f"## {title}\n\n{settings[name]['about']}\n\n" + _table("variable", _keys("", name, settings)))
    also = (
        "## To override a service\n\n"
        "A variable named like the service, with any of these keys. Mappings are merged key by key, anything else is\n"
        "replaced. The same keys make a service of your own in `services/<name>.yml` beside the inventory.\n\n"
        "    sonarr: {web: {subdomain: tv, access: lan}}\n"
    )
    parts.append(f"{also}\n{_table('key', _keys('', 'Definition', definition))}")
    intro = (
        "Set them in `group_vars/monsterr.yml` or `host_vars/` of your inventory. The group `monsterr` has all hosts; "
        "`monsterr_edge` has the one\nthat faces the world, and is not needed if there is only one."
    )
    return page("Variables", intro, *parts)


def _keys(prefix: str, name: str, known: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Keys of a schema and of the schemas in it, in their order."""
    for field in known[name]["fields"]:
        inner = next((word for word in re.findall(r"\w+", field["type"]) if word in known), "")
        shown = f"{prefix}{field['name']}"
        if not inner:
            yield {**field, "name": shown}
            continue
        below = {"list": f"{shown}[].", "dict": f"{shown}.<name>."}.get(field["type"].partition("[")[0], f"{shown}.")
        kind = {"list": "list", "dict": "mapping by name"}.get(field["type"].partition("[")[0], "mapping")
        default = "" if field["required"] else {"list": "`[]`", "dict": "`{}`"}.get(field["type"].partition("[")[0], "")
        yield {**field, "name": shown, "type": kind, "default": default, "meaning": field["meaning"]}
        yield from _keys(below, inner, known)


def _table(heading: str, rows: Iterable[dict[str, Any]]) -> str:
    lines = [f"| {heading} | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in rows:
        default = "required" if field["required"] and "." not in field["name"] else field["default"]
        lines.append(row(f"`{field['name']}`", field["type"], default, sentence(field["meaning"]).replace("<", "&lt;")))
    return "\n".join(lines)


def schemas(path: Path) -> dict[str, dict[str, Any]]:
    """The dataclasses in a file: what each says of itself, and its fields with the comment beside or above each."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    tree = ast.parse(text)
    aliases = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            fields = [_field(item, lines, aliases) for item in node.body if isinstance(item, ast.AnnAssign)]
            found[node.name] = {"about": ast.get_docstring(node) or "", "fields": fields}
    return found


def _field(node: ast.AnnAssign, lines: list[str], aliases: dict[str, ast.expr]) -> dict[str, Any]:
    beside = (lines[node.end_lineno - 1][node.end_col_offset :]).strip()
    above, number = [], node.lineno - 2
    while lines[number].strip().startswith("#"):
        above.insert(0, lines[number].strip().lstrip("# "))
        number -= 1
    required, default = _default(node.value, aliases)
    return {
        "name": node.target.id,
        "type": _type(node.annotation, aliases),
        "required": required,
        "default": default,
        "meaning": " ".join(above) or beside.lstrip("# "),
    }


def _default(value: ast.expr | None, aliases: dict[str, ast.expr]) -> tuple[bool, str]:
    """Whether a field is required, and its default as YAML would have it."""
    if value is None:
        return True, ""
    if not isinstance(value, ast.Call):
        return False, shown(_literal(value, aliases))
    keywords = {item.arg: item.value for item in value.keywords}
    if "default" in keywords:
        return False, shown(_literal(keywords["default"], aliases))
    factory = keywords.get("default_factory")
    if factory is None:
        return True, ""
    if isinstance(factory, ast.Lambda):
        return False, shown(_literal(factory.body, aliases))
    return False, shown({"list": [], "dict": {}}.get(ast.unparse(factory), ""))


def _literal(node: ast.expr, aliases: dict[str, ast.expr]) -> Any:
    if isinstance(node, ast.Name):
        return _literal(aliases[node.id], aliases)
    if isinstance(node, ast.Call):  # list(NAME)
        return list(_literal(node.args[0], aliases))
    return ast.literal_eval(node)


def _type(node: ast.expr, aliases: dict[str, ast.expr]) -> str:
    if isinstance(node, ast.Name) and node.id in aliases:
        return _type(aliases[node.id], aliases)
    text = ast.unparse(node)
    choices = re.fullmatch(r"Literal\[(.*)\]", text)
    return " or ".join(f"`{word}`" for word in re.findall(r"'([^']*)'", choices[1])) if choices else text


def services() -> str:
    """The applications, from their definitions."""
    parts = []
    for path in sorted((ROOT / "roles").glob("*/meta/service.yml")):
        name, about = path.parents[1].name, yaml.safe_load(path.read_text(encoding="utf-8"))
        parts.append(f"## {about['title']}\n\nRole and override variable: `{name}`.\n\n" + service_table(name, about))
    return page(
        "Services", "What `monsterr_services` may list. Everything here can be overridden by the variable.", *parts
    )


def service_table(name: str, about: dict[str, Any]) -> str:
    """What a definition says, as a table."""
    web, health, backup = about.get("web"), about.get("health") or {}, about.get("backup") or {}
    ports = [str(about["port"])]
    ports += [
        f"{p['target']}/{p.get('protocol', 'tcp')} ({p.get('scope', 'loopback')})" for p in about.get("ports", ())
    ]
    secrets = {
        key: kind if isinstance(kind, str) else kind.get("kind", "password")
        for key, kind in (about.get("secrets") or {}).items()
    }
    statuses = ", ".join(str(code) for code in health.get("status", [200]))
    connects = [
        f"{kind.replace('_', ' ')}: {', '.join(peers)}" for kind, peers in (about.get("connects") or {}).items()
    ]
    lines = ["| | |", "| --- | --- |"]
    facts = {
        "image": f"`{about['image']}`",
        "ports": ", ".join(ports),
        "name": f"`{web.get('subdomain') or name}.<domain>`, access `{web.get('access', 'two_factor')}`"
        if web
        else "none",
        "without a login in front": ", ".join(f"`{item}`" for item in (web or {}).get("bypass", ())),
        "volumes": ", ".join(f"{key} at `{value}`" for key, value in (about.get("volumes") or {}).items()),
        "health": f"`{health['path']}` answers {statuses}" if health.get("path") else f"port {about['port']} answers",
        "backup": ", ".join(f"`{item}`" for item in [*backup.get("sqlite", ()), *backup.get("paths", ["."])]),
        "secrets": ", ".join(f"{key} ({kind})" for key, kind in secrets.items()),
        "connects to": "; ".join(connects),
        "wired by": f"its API (`{about['app']}`)" if about.get("app") else "nothing: it is only run",
    }
    return "\n".join(lines + [row(key, value) for key, value in facts.items() if value])


def role_page(role: Path) -> str:
    """A role's README: what it is for, its variables, its tasks."""
    meta = _yaml(role / "meta/main.yml")
    defaults = _yaml(role / "defaults/main.yml")
    specs = _yaml(role / "meta/argument_specs.yml").get("argument_specs", {})
    parts = []
    for entry, spec in specs.items():
        about = [markup(text) for text in listed(spec.get("description"))]
        text = " ".join(about)
        if entry != "main":
            text = f"`tasks_from: {entry}`: {sentence(spec.get('short_description', ''))} {text}".rstrip()
        options = spec.get("options") or {}
        if options:
            rows = [
                row(f"`{name}`", kind_of(option), shown(defaults[name]) if name in defaults else "", meaning(option))
                for name, option in options.items()
            ]
            text += "\n\n" + "\n".join(["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows])
        parts.append(text)
    service = role / "meta/service.yml"
    if service.is_file():
        parts.append(service_table(role.name, _yaml(service)))
    tasks = [task["name"] for task in _yaml(role / "tasks/main.yml") or [] if "name" in task]
    if tasks:
        parts.append("What it does:\n\n" + "\n".join(f"{number}. {task}" for number, task in enumerate(tasks, 1)))
    return page(role.name, sentence(meta["galaxy_info"]["description"]), *parts)


def constants(path: Path) -> dict[str, str]:
    """The strings that a file assigns to names at its top."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found[node.targets[0].id] = node.value.value
    return found


def flat(options: dict[str, Any], inner: str, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Options and, behind each, those in it."""
    for key, spec in options.items():
        yield prefix + key, spec
        many = "[]" if spec.get("type") == "list" else ""
        yield from flat(spec.get(inner) or {}, inner, f"{prefix}{key}{many}.")


def kind_of(spec: dict[str, Any]) -> str:
    """An option's type for people."""
    kind = spec.get("type", "str")
    return f"list of {spec['elements']}" if kind == "list" and "elements" in spec else kind


def default_of(spec: dict[str, Any]) -> str:
    """An option's default for people."""
    return "required" if spec.get("required") else shown(spec["default"]) if "default" in spec else ""


def meaning(spec: dict[str, Any]) -> str:
    """An option's description, with its choices."""
    said = " ".join(sentence(markup(text)) for text in listed(spec.get("description")))
    choices = spec.get("choices")
    return f"{said} One of {', '.join(f'`{word}`' for word in choices)}." if choices else said


def markup(text: str) -> str:
    """Ansible's semantic markup as Markdown."""
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return " ".join(text.split())


def sentence(text: str) -> str:
    """`text` with a capital first and a full stop last."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text.endswith((".", "`", ":")) else ".")


def shown(value: Any) -> str:
    """A value as one line of YAML, in backticks; '' for nothing."""
    if value in ("", None):
        return ""
    line = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip()
    return f"`{line.removesuffix('...').strip()}`"


def row(*cells: str) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def listed(value: Any) -> list[str]:
    """A description, which may be a string or a list, as a list."""
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([GENERATED, f"# {title}", *(part.strip() for part in parts if part.strip())]) + "\n"


def _yaml(path: Path) -> Any:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def main(arguments: list[str] | None = None) -> int:
    """Write, or check, every page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a page is not as it would be written"
    )
    check = parser.parse_args(arguments).check
    found = pages()
    stale = [path for path, text in found.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found[path], encoding="utf-8")
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

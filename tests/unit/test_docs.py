# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user reads is true: pages are as the code is, links lead somewhere, examples make a plan."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._plan.build import build
from ansible_collections.monsterr.media.plugins.module_utils._plan.model import Inventory, Source

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)


def test_reference_pages_say_what_the_code_says(capsys):
    assert generate.main(["--check"]) == 0, f"run make docs:\n{capsys.readouterr().out}"


def test_every_variable_and_key_has_a_meaning():
    for name in ("settings.py", "notify.py", "definition.py"):
        for schema in generate.schemas(generate.PLAN / name).values():
            assert [field["name"] for field in schema["fields"] if not field["meaning"]] == []


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [target for target in targets if not ((ROOT / page).parent / target).exists()] == []


def test_the_definitions_without_a_role_make_a_plan():
    paths = sorted(ROOT.glob("roles/plan/files/services/*.yml"))
    assert {path.stem for path in paths} == {"jellyfin", "seerr", "tautulli", "sabnzbd", "navidrome", "kavita"}
    definitions = {path.stem: Source(str(path), yaml.safe_load(path.read_text())) for path in paths}
    variables = {
        "monsterr_domain": "example.org",
        "monsterr_secret": "x" * 40,
        "ansible_host": "192.0.2.10",
        "monsterr_services": list(definitions),
    }
    plan, problems = build(definitions, Inventory({"box": variables}))
    assert plan, problems
    assert len(plan["hosts"]["box"]["sites"]) == len(plan["hosts"]["box"]["backups"]) == 6


RELEASES = {
    "Repack or Proper": (("A.Show.S01E01.REPACK.1080p", "A.Show.S01E01.PROPER"), ("A.Show.Property.S01E01",)),
    "Filmed in a cinema": (("A.Film.2024.HDCAM.x264", "A Film 2024 TS", "A.Film.TELESYNC"), ("A.Film.Camelot.2024",)),
    "Hard-coded subtitles": (("A.Film.2024.HC.1080p", "A.Film.HardSub.720p"), ("A.Film.HCL.2024",)),
}


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("service", ["sonarr", "radarr"])
def test_custom_formats_recognise_what_they_are_named_after(service, name):
    definition = yaml.safe_load((ROOT / "roles" / service / "meta/service.yml").read_text())
    (specification,) = definition["settings"]["custom_formats"][name]["specifications"]
    pattern = re.compile(specification["fields"]["value"], re.IGNORECASE)
    good, bad = RELEASES[name]
    assert all(pattern.search(title) for title in good)
    assert not any(pattern.search(title) for title in bad)


@pytest.mark.parametrize("name", ["single-host", "multi-host", "README"])
def test_example_inventories_make_a_plan(name):
    sources = {path.parents[1].name: path for path in ROOT.glob("roles/*/meta/service.yml")}
    definitions = {key: Source(str(path), yaml.safe_load(path.read_text())) for key, path in sources.items()}
    if name == "README":
        blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        hosts, override, own, generations = (
            re.sub(r"!vault.*?\.\.\.", "x" * 40, block, flags=re.DOTALL) for block in blocks
        )
        group = yaml.safe_load(hosts)["monsterr"]
        variables = {**group["vars"], **yaml.safe_load(override), **yaml.safe_load(generations)}
        definitions["whoami"] = Source("services/whoami.yml", yaml.safe_load(own))
        group["hosts"]["box"]["monsterr_services"].append("whoami")
        edge = ()
    else:
        inventory = yaml.safe_load((ROOT / "inventories" / name / "hosts.yml").read_text())
        group = inventory["monsterr"]
        variables = yaml.safe_load((ROOT / "inventories" / name / "group_vars/monsterr.yml").read_text())
        edge = tuple(inventory.get("monsterr_edge", {}).get("hosts", ()))
    hosts = {host: {**variables, **own} for host, own in group["hosts"].items()}
    plan, problems = build(definitions, Inventory(hosts, list(edge)))
    assert plan, problems
    assert len(plan["records"]) >= 3

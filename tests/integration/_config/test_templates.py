# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action plugin, through ansible-playbook: templates are found and rendered as `template` does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others"),
]

TEMPLATE = """\
{% for item in items %}
  {% if item.on %}
listen {{ item.port }}; # {{ title }} {{ word }}
  {% endif %}
{% endfor %}
key {{ reference }}
"""


def play(tmp_path, *tasks):
    """Run tasks of a role `app` on this computer; the process."""
    collections = tmp_path / "collections" / "ansible_collections" / "monsterr"
    collections.mkdir(parents=True)
    (collections / "media").symlink_to(REPOSITORY)
    role = tmp_path / "roles" / "app"
    for name in ("tasks", "templates", "defaults"):
        (role / name).mkdir(parents=True)
    (role / "templates" / "app.j2").write_text(TEMPLATE)
    (role / "templates" / "broken.j2").write_text("{{ no_such_variable }}\n")
    (role / "defaults" / "main.yml").write_text(json.dumps({"title": "from the role", "word": "from the role"}))
    (role / "tasks" / "main.yml").write_text(json.dumps(list(tasks)))
    (tmp_path / "ansible.cfg").touch()
    book = tmp_path / "play.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": ["app"]}]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "--diff", str(book)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_same_text_as_from_the_module_template(tmp_path):
    values = {"items": [{"on": True, "port": 1}, {"on": False, "port": 2}, {"on": True, "port": 3}], "word": "of entry"}
    values["reference"] = "<secret:app.key>"
    entry = {"path": str(tmp_path / "ours"), "template": "app.j2", "vars": values, "role": "proxy", "mode": "0644"}
    hidden = {"path": str(tmp_path / "hidden"), "content": "words-not-to-see <secret:app.key>", "sensitive": True}
    done = play(
        tmp_path,
        {
            "monsterr.media.config_tree": {
                "files": [entry, hidden],
                "state_dir": str(tmp_path / "state"),
                "secrets": {"app.key": "value-not-to-see"},
            }
        },
        {"ansible.builtin.template": {"src": "app.j2", "dest": str(tmp_path / "theirs")}, "vars": values},
    )
    assert done.returncode == 0, done.stdout
    theirs = (tmp_path / "theirs").read_text()
    assert "from the role of entry" in theirs
    assert (tmp_path / "ours").read_text() == theirs.replace("<secret:app.key>", "value-not-to-see")
    assert (tmp_path / "hidden").read_text() == "words-not-to-see value-not-to-see"
    assert "value-not-to-see" not in done.stdout
    assert done.stdout.count("words-not-to-see") == 0


def test_a_template_that_fails_is_named_and_nothing_is_written(tmp_path):
    entry = {"path": str(tmp_path / "ours"), "template": "broken.j2"}
    done = play(tmp_path, {"monsterr.media.config_tree": {"files": [entry], "state_dir": str(tmp_path / "state")}})
    assert done.returncode != 0
    assert "broken.j2" in done.stdout
    assert "no_such_variable" in done.stdout
    assert not (tmp_path / "ours").exists()

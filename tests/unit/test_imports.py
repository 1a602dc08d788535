# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible sends to a host."""

from __future__ import annotations

import ast

from ..conftest import REPOSITORY


def test_a_module_imports_by_name_what_it_needs():
    """Ansible sends along what it sees imported, and no more: a name made up at run time is missing on the host."""
    strange = []
    for path in sorted((REPOSITORY / "plugins").glob("module*/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
                strange.append(f"{path.name}:{node.lineno}")
    assert not strange

# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a module as Ansible runs it, in this process: arguments in, the JSON that it prints out."""

from __future__ import annotations

import contextlib
import io
import json
from types import ModuleType
from typing import Any

from ansible.module_utils.testing import patch_module_args


def call(module: ModuleType, check_mode: bool = False, **parameters: Any) -> dict[str, Any]:
    """The result of `module` with `parameters`."""
    arguments = {**parameters, "_ansible_check_mode": check_mode, "_ansible_diff": True}
    said = io.StringIO()
    with (
        patch_module_args(arguments),
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    return json.loads(said.getvalue())

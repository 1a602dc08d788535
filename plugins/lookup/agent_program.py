# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = """
name: agent_program
short_description: The agent, as one Python file
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Returns the program that runs on every host by systemd timers. It is the code of this collection, which its modules
    use too, put into one file of text.
  - It needs Python 3.11 or later, and nothing but distribution packages, C(python3-docker), C(python3-cryptography) and
    C(python3-dnspython).
options:
  _terms:
    description: None are taken.
"""

EXAMPLES = """
- name: Put the agent on the host
  monsterr.media.config_tree:
    files:
      - path: /usr/lib/monsterr/agent.py
        content: "{{ lookup('monsterr.media.agent_program') }}"
        mode: "0755"
"""

RETURN = """
_raw:
  description: One text, the program.
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.monsterr.media.plugins.module_utils._agent import program


class LookupModule(LookupBase):
    """Reads the collection's own code."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """The program."""
        return [program.build(Path(program.__file__).resolve().parents[1])]

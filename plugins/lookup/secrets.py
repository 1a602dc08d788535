# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of the secrets that a host's part of the plan refers to."""

from __future__ import annotations

DOCUMENTATION = """
name: secrets
short_description: The values of the secrets that a plan refers to
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - A plan holds references to secrets, never a value. This lookup derives the values, for a C(no_log) parameter of a
    module.
  - Each is derived by HKDF (RFC 5869) from O(master), so that one vaulted value is all there is to keep.
options:
  _terms:
    description: One mapping, from a secret's name (C(service.name)) to how it is derived, as the plan has it under
      C(secrets).
    type: list
    elements: dict
    required: true
  master:
    description: The secret that all others are derived from.
    type: str
    required: true
    vars:
      - name: monsterr_secret
  given:
    description: The user's own values, which win over derived ones.
    type: dict
    default: {}
    vars:
      - name: monsterr_secrets
  users:
    description: Those who log in. Their passwords are hashed with Argon2id.
    type: dict
    default: {}
    vars:
      - name: monsterr_users
"""

EXAMPLES = """
- name: Bring the services up
  monsterr.media.stack:
    services: "{{ monsterr_plan.hosts[inventory_hostname].services }}"
    secrets: "{{ lookup('monsterr.media.secrets', monsterr_plan.hosts[inventory_hostname].secrets) }}"
"""

RETURN = """
_raw:
  description: One mapping, from a secret's name to its value.
  type: list
  elements: dict
"""

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.monsterr.media.plugins.module_utils._plan.secrets import values


class LookupModule(LookupBase):
    """Derives secrets."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, str]]:
        """One mapping per term: name to value."""
        self.set_options(var_options=variables, direct=kwargs)
        master, given = self.get_option("master"), self.get_option("given")
        users = self.get_option("users")
        return [values(str(master), term, given, users) for term in terms]

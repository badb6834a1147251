"""The deployment: each alert has a page that says what to do, and each server can read its secrets."""

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

from deploy.keys import acl, definitions
from pipeline import wire
from pipeline.broker import topology
from pipeline.broker.sent_at import RABBITMQ_LINE
from pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "alerts"


def test_each_alert_has_a_page_that_names_it_and_each_page_has_an_alert() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    alerts = dict(re.findall(r"alert: (\w+)\n.*?page: ([a-z-]+)", rules, re.DOTALL))
    pages = {path.stem: path.read_text() for path in PAGES.glob("*.md")}
    index = pages.pop("index")

    assert len(alerts) == rules.count("- alert: ")
    assert sorted(alerts.values()) == sorted(pages)
    for alert, page in alerts.items():
        assert f"Alert `{alert}`." in pages[page]
        assert "## What to do" in pages[page]
        assert f"[{alert}]({page}.md)" in index


def test_the_pipelines_user_may_use_everything_declared_and_nothing_else() -> None:
    rights = next(each for each in definitions({"pipeline": ""})["permissions"] if each["user"] == "pipeline")
    settings = Settings(partitions=256)
    ours = [each.name for each in topology.EXCHANGES] + [each.name for each in topology.queues(settings)]

    for right in ("configure", "write", "read"):
        assert all(re.search(rights[right], name) for name in ours)
        assert not re.search(rights[right], "results.historian")
        assert not re.search(rights[right], "amq.direct")
    assert not re.search(rights["configure"], wire.INGEST_EXCHANGE)


def test_rabbitmq_in_the_stack_adds_the_time_of_arrival_to_messages() -> None:
    lines = (ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf").read_text().splitlines()

    assert RABBITMQ_LINE in lines


def test_nobody_can_log_in_as_the_default_user_of_redis_which_has_all_permissions() -> None:
    default = acl("secret").splitlines()[0].split()

    assert default[:3] == ["user", "default", "off"]
    assert not any(word == "nopass" or word.startswith((">", "#")) for word in default)
    assert {"~*", "&*", "+@all"} <= set(default)


def test_secrets_are_created_once_and_each_service_gets_its_own(tmp_path: Path) -> None:
    for part in ("pipeline", "devices", "rabbitmq", "redis"):
        (tmp_path / part).mkdir()
    command = [sys.executable, str(ROOT / "deploy" / "keys.py"), str(tmp_path)]

    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = {path: path.read_text() for path in tmp_path.glob("*/*")}
    second = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "It cannot be shown again." in first
    assert second == "All secrets exist.\n"
    assert {path: path.read_text() for path in tmp_path.glob("*/*")} == made
    users = json.loads((tmp_path / "rabbitmq" / "definitions.json").read_text())["users"]
    assert [user["name"] for user in users] == ["pipeline", "devices", "operator"]
    password = (tmp_path / "pipeline" / "amqp_url").read_text().split(":")[2].partition("@")[0]
    kept = b64decode(users[0]["password_hash"])
    assert hashlib.sha256(kept[:4] + password.encode()).digest() == kept[4:]
    assert password not in (tmp_path / "rabbitmq" / "definitions.json").read_text()


def test_if_one_secret_is_missing_all_are_created_again(tmp_path: Path) -> None:
    for part in ("pipeline", "devices", "rabbitmq", "redis"):
        (tmp_path / part).mkdir()
    command = [sys.executable, str(ROOT / "deploy" / "keys.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    before = (tmp_path / "pipeline" / "amqp_url").read_text()
    (tmp_path / "redis" / "users.acl").unlink()

    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "The secrets were created." in said
    assert (tmp_path / "pipeline" / "amqp_url").read_text() != before

"""Each alert of the compose stack has a page that says what to do; and secrets are as servers want them."""

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


def test_each_alert_has_a_page_which_names_it_and_each_page_an_alert() -> None:
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


def test_the_pipelines_user_may_use_all_that_is_declared_and_nothing_else() -> None:
    rights = next(each for each in definitions({"pipeline": ""})["permissions"] if each["user"] == "pipeline")
    settings = Settings(partitions=256)
    ours = [each.name for each in topology.EXCHANGES] + [each.name for each in topology.queues(settings)]

    for right in ("configure", "write", "read"):
        assert all(re.search(rights[right], name) for name in ours)
        assert not re.search(rights[right], "results.historian")
        assert not re.search(rights[right], "amq.direct")
    assert not re.search(rights["configure"], wire.INGEST_EXCHANGE)


def test_rabbitmq_in_the_stack_writes_when_a_message_came() -> None:
    lines = (ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf").read_text().splitlines()

    assert RABBITMQ_LINE in lines


def test_nobody_can_become_redis_default_user_which_has_all_rights_to_read_the_file_with() -> None:
    default = acl("secret").splitlines()[0].split()

    assert default[:3] == ["user", "default", "off"]
    assert not any(word == "nopass" or word.startswith((">", "#")) for word in default)
    assert {"~*", "&*", "+@all"} <= set(default)


def test_secrets_are_made_once_and_each_part_gets_its_own(tmp_path: Path) -> None:
    for part in ("pipeline", "devices", "rabbitmq", "redis"):
        (tmp_path / part).mkdir()
    command = [sys.executable, str(ROOT / "deploy" / "keys.py"), str(tmp_path)]

    first = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = {path: path.read_text() for path in tmp_path.glob("*/*")}
    second = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "This is the only time that it is shown." in first
    assert second == "All secrets are there.\n"
    assert {path: path.read_text() for path in tmp_path.glob("*/*")} == made
    users = json.loads((tmp_path / "rabbitmq" / "definitions.json").read_text())["users"]
    assert [user["name"] for user in users] == ["pipeline", "devices", "operator"]
    password = (tmp_path / "pipeline" / "amqp_url").read_text().split(":")[2].partition("@")[0]
    kept = b64decode(users[0]["password_hash"])
    assert hashlib.sha256(kept[:4] + password.encode()).digest() == kept[4:]
    assert password not in (tmp_path / "rabbitmq" / "definitions.json").read_text()


def test_secrets_of_which_one_is_missing_are_all_made_anew(tmp_path: Path) -> None:
    for part in ("pipeline", "devices", "rabbitmq", "redis"):
        (tmp_path / part).mkdir()
    command = [sys.executable, str(ROOT / "deploy" / "keys.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    before = (tmp_path / "pipeline" / "amqp_url").read_text()
    (tmp_path / "redis" / "users.acl").unlink()

    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "Secrets are made." in said
    assert (tmp_path / "pipeline" / "amqp_url").read_text() != before

"""The cards of machines, over REST and with `iot-logic machines`."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from pipeline.model.about import About, checked_about
from pipeline.store.keys import LINES_KEY, TAGS_KEY, deployment_key, line_machines_key, tag_machines_key
from tests.support.installation import Installation
from web.cli import main
from web.cli.commands import OK, WRONG
from web.cli.parser import new_parser

CARD: dict[str, Any] = {
    "name": "Big press",
    "description": "Replaced in May.\nAsk Anna.",
    "tags": ["hydraulic", "öl"],
    "line": "Line 3",
    "location": "Hall 2",
}


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    module_installation.start_api()
    return module_installation


def put(plant: Installation, machine: str, card: dict[str, Any], **headers: str) -> httpx.Response:
    return plant.client.put(f"/machines/{machine}/about", json=card, headers=headers)


def card(plant: Installation, machine: str) -> dict[str, Any]:
    answer = plant.client.get(f"/machines/{machine}/about")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Cards:
    """Runs `iot-logic machines` with JSON output."""

    def __init__(self, plant: Installation, capsys: pytest.CaptureFixture[str]) -> None:
        self._api, self._capsys = str(plant.client.base_url), capsys

    def run(self, *arguments: object, status: int = OK) -> tuple[Any, str]:
        """Return the JSON document, and the messages."""
        asked = ["machines", *map(str, arguments), "--api", self._api, "--json"]
        assert main.run(new_parser().parse_args(asked)) == status
        said = self._capsys.readouterr()
        return json.loads(said.out), said.err


@pytest.fixture
def cards(plant: Installation, capsys: pytest.CaptureFixture[str]) -> Cards:
    return Cards(plant, capsys)


def test_a_card_is_stored_shown_and_deleted_with_its_machine(plant: Installation) -> None:
    assert plant.client.get("/machines/p1/about").status_code == 404
    typed = {**CARD, "name": "  Big   press ", "tags": ["Hydraulic", "hydraulic ", "ÖL"]}
    assert put(plant, "p1", typed).json() == CARD

    assert card(plant, "p1") == CARD
    # A machine with a card and nothing else is known.
    assert plant.client.get("/machines/p1").json()["about"] == CARD
    listed = plant.client.get("/machines", params={"prefix": "p1"}).json()["machines"]
    assert [(each["id"], each["health"], each["about"]) for each in listed] == [("p1", "new", CARD)]
    with redis.Redis.from_url(plant.redis_url) as client:
        assert client.smembers(tag_machines_key("öl")) == {b"p1"}
        assert client.zrange(LINES_KEY, 0, -1) == [b"Line 3"]
        plant.client.delete("/machines/p1").raise_for_status()
        assert not client.exists(TAGS_KEY, LINES_KEY, tag_machines_key("öl"), line_machines_key("Line 3"))
    assert plant.client.get("/machines/p1/about").status_code == 404


def test_an_empty_card_leaves_nothing_behind(plant: Installation) -> None:
    put(plant, "p2", CARD).raise_for_status()
    put(plant, "p2", {}).raise_for_status()

    assert plant.client.get("/machines/p2").status_code == 404
    plant.upload("p2", "def process(data, state):\n    pass\n")
    assert card(plant, "p2") == {"name": "", "description": "", "tags": [], "line": "", "location": ""}


def test_workers_do_not_read_cards(plant: Installation) -> None:
    put(plant, "p3", CARD).raise_for_status()
    with redis.Redis.from_url(plant.redis_url) as client:
        deployment = client.get(deployment_key("p3"))

    assert isinstance(deployment, bytes)
    assert len(deployment) < 32
    assert b"press" not in deployment


def test_a_card_changed_meanwhile_is_not_overwritten(plant: Installation) -> None:
    read = put(plant, "p4", {"name": "one"}).headers["ETag"]
    put(plant, "p4", {"name": "two"}).raise_for_status()

    assert put(plant, "p4", {"name": "three"}, **{"If-Match": read}).status_code == 412
    assert card(plant, "p4")["name"] == "two"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"name": "n" * 101}, 400),
        ({"description": "d" * 1001}, 400),
        ({"tags": ["t" * 41]}, 400),
        ({"nickname": "x"}, 400),
        ({"tags": [f"t{n}" for n in range(21)]}, 422),
        ({"tags": ["a,b"]}, 422),
        ({"tags": [" "]}, 422),
        ({"name": "a\x1bb"}, 422),
        ({"line": "a\u202eb"}, 422),
    ],
)
def test_an_invalid_card_is_refused(plant: Installation, wrong: dict[str, Any], status: int) -> None:
    answer = put(plant, "wrong", wrong)

    assert answer.status_code == status, answer.text
    assert plant.client.get("/machines/wrong").status_code == 404


def test_a_tag_that_case_folding_makes_longer_is_stored_or_refused() -> None:
    with pytest.raises(Exception, match="too long"):
        checked_about(About(tags=("ß" * 40,)))
    assert checked_about(About(tags=("ß" * 20,))).tags == ("ss" * 20,)


def test_the_command_shows_and_changes_a_card(plant: Installation, cards: Cards) -> None:
    cards.run("about", "c1", "--name", "Big press", "--tags", "A; b,a")
    changed, _ = cards.run("about", "c1", "--line", "Line 3", "--name", "")

    assert changed == card(plant, "c1")
    assert (changed["name"], changed["tags"], changed["line"]) == ("", ["a", "b"], "Line 3")


def test_a_file_with_a_wrong_line_changes_nothing_unless_told(
    plant: Installation, cards: Cards, tmp_path: Path
) -> None:
    file = tmp_path / "machines.csv"
    file.write_text(
        "id,name,tags\n"
        'i1,"Press, big",a;b\n'
        "i 2,Wrong id,\n"
        "i1,Again,\n"
        f"i3,{'n' * 101},\n"
        "\n"
        "i4,Valve,c,and more\n"
        "i5,Pump,\n"
    )
    document, said = cards.run("import-about", file, status=WRONG)
    lines = [each["line"] for each in document["wrong"]]

    assert (lines, document["changed"]) == ([3, 4, 5, 7], 0)
    assert "'i 2' is not a machine id" in said
    assert "already in line 2" in said
    assert plant.client.get("/machines/i1").status_code == 404

    document, _ = cards.run("import-about", file, "--skip-wrong", "--dry-run", status=WRONG)
    assert document["changed"] == 2
    assert plant.client.get("/machines/i1").status_code == 404
    document, _ = cards.run("import-about", file, "--skip-wrong", status=WRONG)
    assert document["changed"] == 2
    assert (card(plant, "i1")["name"], card(plant, "i1")["tags"]) == ("Press, big", ["a", "b"])
    assert card(plant, "i5")["name"] == "Pump"


def test_a_missing_column_changes_nothing_and_an_empty_cell_removes_a_text(
    plant: Installation, cards: Cards, tmp_path: Path
) -> None:
    put(plant, "k1", CARD).raise_for_status()
    file = tmp_path / "machines.csv"
    # As spreadsheets in many languages write it.
    file.write_bytes("\ufeffID;Location;Line\r\nk1;;Straße 7\r\n".encode())
    document, _ = cards.run("import-about", file)

    assert document == {"machines": 1, "changed": 1, "wrong": []}
    assert card(plant, "k1") == {**CARD, "location": "", "line": "Straße 7"}
    assert cards.run("import-about", file)[0]["changed"] == 0


@pytest.mark.parametrize("header", ["name,tags", "id,colour", "id,name,name", ""])
def test_a_file_with_wrong_columns_is_refused(plant: Installation, tmp_path: Path, header: str) -> None:
    file = tmp_path / "machines.csv"
    file.write_text(f"{header}\nx,y,z\n")
    asked = ["machines", "import-about", str(file), "--api", str(plant.client.base_url)]

    assert main.run(new_parser().parse_args(asked)) == 2


def test_an_exported_file_can_be_imported_and_has_no_formulas(
    plant: Installation, cards: Cards, tmp_path: Path
) -> None:
    formula = {**CARD, "name": "=HYPERLINK(1)", "location": "'quoted"}
    put(plant, "x1", formula).raise_for_status()
    file = tmp_path / "machines.csv"
    cards.run("export-about", file)
    written = file.read_text(encoding="utf-8-sig")
    put(plant, "x1", {}).raise_for_status()

    assert "x1,'=HYPERLINK(1)," in written
    cards.run("import-about", file)
    assert card(plant, "x1") == formula
    asked = ["machines", "export-about", str(file), "--api", str(plant.client.base_url)]
    assert main.run(new_parser().parse_args(asked)) == 2


def test_machines_are_found_by_their_cards_and_counted_in_groups(plant: Installation) -> None:
    for name, line in (("s1", "Line 9"), ("s2", "Line 9"), ("s3", "Line 8")):
        put(plant, name, {"name": f"Säge {name}", "line": line, "tags": ["wood"]}).raise_for_status()
    plant.client.post("/machines/s2/pause").raise_for_status()

    def found(**query: Any) -> list[str]:
        answer = plant.client.get("/machines", params=query).raise_for_status()
        return [each["id"] for each in answer.json()["machines"]]

    assert found(text="SÄGE") == ["s1", "s2", "s3"]
    assert found(text="line 9", health="paused") == ["s2"]
    assert found(tag="WOOD", line="Line 9") == ["s1", "s2"]
    assert found(tag="wood", text="s3", sort="last_seen") == ["s3"]
    assert found(line="line 9") == []
    groups = plant.client.get("/fleet/groups", params={"by": "line", "after": "Line 8", "limit": 1}).json()
    assert [(each["name"], each["machines"]) for each in groups["groups"]] == [("Line 9", 2)]
    assert {health for health, count in groups["groups"][0]["health"].items() if count} == {"paused", "new"}
    assert plant.client.get("/fleet/groups").status_code == 400
    assert plant.client.get("/machines", params={"text": "x" * 129}).status_code == 400

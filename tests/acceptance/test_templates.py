"""Templates over REST and with `iot-logic`, up to the result of a reading."""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.templates.library import Template, templates
from tests.support.installation import SCRIPTS, Installation
from tests.support.waiting import wait_until

#: A payload of a Milesight sensor, and its result.
PAYLOAD = bytes.fromhex("01755c03673401046865")
RESULT = {"battery": 92, "temperature": 30.8, "humidity": 50.5}


class Ran(NamedTuple):
    status: int
    out: str
    error: str


def iot_logic(plant: Installation, *arguments: object) -> Ran:
    done = subprocess.run(
        [SCRIPTS / "iot-logic", *map(str, arguments)],
        env=plant.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def last_result(plant: Installation, machine: str) -> Any:
    """Return the data of the machine's last result, once there is one."""
    path = f"/machines/{machine}"
    wait_until(lambda: plant.client.get(path).json().get("last_result"))
    return plant.client.get(path).json()["last_result"]["data"]


def test_the_list_has_every_template_with_its_description_and_settings(plant: Installation) -> None:
    listed = plant.client.get("/templates").raise_for_status().json()["templates"]

    assert [each["name"] for each in listed] == list(templates())
    [milesight] = [each for each in listed if each["name"] == "milesight"]
    assert milesight["title"] == "Milesight sensor"
    assert milesight["settings"] == {"format": "binary"}
    assert milesight.keys() == {"name", "title", "description", "settings"}


@pytest.mark.parametrize("template", templates().values(), ids=lambda template: template.name)
def test_a_template_is_accepted_as_it_is_read(plant: Installation, template: Template) -> None:
    read = plant.client.get(f"/templates/{template.name}").raise_for_status().json()
    upload = {"logic": read["logic"], "examples": read["examples"]}

    accepted = plant.client.post(f"/machines/t-{template.name}/logic", json=upload)

    assert accepted.status_code == 201, accepted.text
    settings = plant.client.put(f"/machines/t-{template.name}/settings", json=read["settings"])
    assert settings.status_code == 200, settings.text
    stored = plant.client.get(f"/machines/t-{template.name}/logic").json()
    assert (stored["logic"], stored["examples"]) == (template.logic, read["examples"])


def test_a_damaged_reading_becomes_a_dead_letter_that_says_why(plant: Installation) -> None:
    read = plant.client.get("/templates/milesight").json()
    plant.client.put("/machines/damaged/settings", json=read["settings"]).raise_for_status()
    plant.upload("damaged", read["logic"])

    plant.send([("damaged", PAYLOAD[:-1]), ("damaged", PAYLOAD)])

    assert last_result(plant, "damaged") == RESULT
    [(letter, kept)] = plant.dead_letters(machine="damaged")
    assert letter["kind"] == "error"
    assert "the payload ends in the middle of the humidity" in letter["message"]
    assert kept == PAYLOAD[:-1]


def test_an_unknown_template_is_not_found(plant: Installation) -> None:
    answer = plant.client.get("/templates/siemens")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no template 'siemens'."


def test_the_command_lists_the_templates_and_prints_one(plant: Installation) -> None:
    listed = iot_logic(plant, "templates")
    printed = iot_logic(plant, "templates", "milesight")
    whole = json.loads(iot_logic(plant, "templates", "milesight", "--json").out)

    assert (listed.status, printed.status) == (0, 0)
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == list(templates())
    assert printed.out == templates()["milesight"].logic
    assert whole["settings"] == {"format": "binary"}
    assert whole["examples"]
    assert [
        each["name"] for each in json.loads(iot_logic(plant, "templates", "--json").out)["templates"]
    ] == list(templates())


def test_a_template_in_a_folder_is_tested_and_pushed_and_runs(plant: Installation, tmp_path: Path) -> None:
    into = tmp_path / "machines" / "pushed-7"

    written = iot_logic(plant, "templates", "milesight", "--into", into)

    assert written.status == 0, written.error
    assert sorted(path.name for path in into.parent.iterdir()) == [
        "pushed-7.examples.json",
        "pushed-7.py",
        "pushed-7.settings.json",
    ]
    assert iot_logic(plant, "test", tmp_path).status == 0
    pushed = iot_logic(plant, "push", tmp_path)
    assert pushed.status == 0, pushed.error
    plant.send([("pushed-7", PAYLOAD)])
    assert last_result(plant, "pushed-7") == RESULT


def test_the_command_does_not_overwrite_a_file_that_differs(plant: Installation, tmp_path: Path) -> None:
    into = tmp_path / "profiles" / "pumps"
    first = ("templates", "run-hours", "--into", into)
    assert iot_logic(plant, *first).status == 0
    again = iot_logic(plant, *first)
    logic = into.with_suffix(".py")
    logic.write_text("def process(data, state): return None\n")

    kept = iot_logic(plant, *first)
    forced = iot_logic(plant, *first, "--force")

    assert again.status == 0
    assert kept.status == 1
    assert kept.error.strip() == f"{logic} exists and differs, so nothing was written. --force overwrites it."
    assert kept.out == ""
    assert forced.status == 0
    assert logic.read_text() == templates()["run-hours"].logic
    assert not into.with_suffix(".settings.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["siemens"], "There is no template 'siemens'."),
        (["elsys", "--into", "press-7"], "press-7 does not say what the template is for."),
        (["elsys", "--into", "machines/press 7"], "'press 7' is not a valid name"),
        (["--into", "machines/press-7"], "--into needs the NAME of a template."),
    ],
)
def test_wrong_arguments_are_refused(plant: Installation, arguments: list[str], said: str) -> None:
    ran = iot_logic(plant, "templates", *arguments)

    assert ran.status == 2
    assert said in ran.error

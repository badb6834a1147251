"""Schemathesis, an independent client, tests the requests and responses of the running API.

All its checks are enabled: no server error, no undocumented response, no response that violates its schema,
no accepted request that the schema forbids, and no refused request that it allows. The machine in the
document's examples exists, with versions, a state and dead letters, so that the examples work.

`make fuzz` runs it longer; EXAMPLES and SEED set the number and the choice of the cases.
"""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest
import redis

from pipeline.store.tokens import Tokens
from tests.fuzz.hooks import OURS
from tests.support.installation import SCRIPTS, Installation
from tests.support.waiting import wait_until
from web.access.roles import Role
from web.documents.samples import FIELDS

#: Cases for each operation, in addition to those that Schemathesis derives from the schema itself.
EXAMPLES = os.environ.get("EXAMPLES", "2")
SEED = os.environ.get("SEED", "1")
#: The phases without a token. All answers are the same there, so they are fewer unless EXAMPLES is set.
PHASES_WITHOUT = "examples,coverage,fuzzing,stateful" if "EXAMPLES" in os.environ else "examples,fuzzing"

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plant(module_installation: Installation) -> Installation:
    """An installation with the data that the examples of the document name."""
    plant = module_installation
    plant.environ |= {"IOT_LOGIC_API_RATE": "100000", "IOT_LOGIC_API_BURST": "100000"}
    plant.start_api()
    plant.start_worker()
    machine, number = FIELDS["machine"], FIELDS["number"]
    plant.upload(machine, "def process(data, state):\n    return None\n")
    plant.upload(machine, FIELDS["logic"])
    plant.send((machine, FIELDS["readings"][0]) for _ in range(number - 1))
    plant.send([(machine, FIELDS["reading"])])
    wait_until(lambda: plant.client.get(f"/dead-letters/{machine}/{number}").status_code == 200)
    return plant


@pytest.fixture(scope="module")
def token(plant: Installation) -> str:
    """An admin's token. From now on, every request needs a token."""
    with redis.Redis.from_url(plant.redis_url) as client:
        return Tokens(client).create(OURS, Role.ADMIN)


def run(plant: Installation, folder: Path, *arguments: str, document: str = "") -> tuple[int, str]:
    """Run Schemathesis on the API's own document or another one. Return its exit status and its output."""
    done = subprocess.run(
        [
            str(SCRIPTS / "schemathesis"),
            "--config-file",
            str(ROOT / "tests/fuzz/schemathesis.toml"),
            "run",
            document or f"{plant.client.base_url}/schema/openapi.json",
            *("--url", str(plant.client.base_url)),
            *("--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED),
            *("--continue-on-failure", "--generation-database", "none", "--no-color", "--warnings", "off"),
            *("--request-timeout", "20", *arguments),
            # A stream of events never ends.
            *("--exclude-path-regex", "/events$"),
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "PYTHONWARNINGS": "default",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3_000,
        check=False,
    )
    return done.returncode, done.stdout


# This test is first, because the machine still exists.
def test_an_undocumented_response_is_detected(plant: Installation, token: str, tmp_path: Path) -> None:
    wrong = plant.client.get("/schema/openapi.json").json()
    del wrong["paths"]["/machines/{machine_id}/state"]["get"]["responses"]["200"]
    wrong["components"]["schemas"]["WholeMachine"]["properties"]["id"] = {"type": "integer"}
    document = tmp_path / "openapi.json"
    document.write_bytes(msgspec.json.encode(wrong))

    status, report = run(
        plant,
        tmp_path,
        *("-H", f"Authorization: Bearer {token}", "--phases", "examples"),
        *("--include-operation-id", "get_machine", "--include-operation-id", "get_state"),
        document=str(document),
    )

    assert status == 1, report
    assert "Undocumented status code" in report
    assert "Response violates schema" in report


def test_with_a_token_every_response_matches_the_document(
    plant: Installation, token: str, tmp_path: Path
) -> None:
    status, report = run(plant, tmp_path, "-H", f"Authorization: Bearer {token}")

    assert status == 0, report
    assert "Traceback" not in plant.commands[0].log


def test_without_a_token_every_response_matches_too_and_every_request_is_refused(
    plant: Installation, token: str, tmp_path: Path
) -> None:
    status, report = run(plant, tmp_path, "--phases", PHASES_WITHOUT)

    assert status == 0, report
    assert token
    assert "Traceback" not in plant.commands[0].log


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/audit?before=0-0", b"", 200),
        ("GET", "/machines/%00", b"", 400),
        ("GET", "/machines/%ff", b"", 400),
        ("GET", "/machines/a%2Fb", b"", 404),
        ("GET", "/machines?limit=99999999999999999999999", b"", 400),
        ("GET", "/machines?limit=NaN", b"", 400),
        ("GET", "/machines/m/logic/versions/99999999999999999999999999", b"", 404),
        ("GET", "/dead-letters?since=0001-01-01T00:00:00%2B14:00", b"", 200),
        ("GET", "/nonsense", b"", 404),
        ("TRACE", "/machines", b"", 405),
        ("HEAD", "/machines", b"", 405),
        ("POST", "/machines/m/logic", b'{"logic": "\\ud800"}', 400),
        ("POST", "/machines/m/logic", b"[" * 100_000, 400),
        ("POST", "/machines/m/logic", b'{"logic": "' + b"a" * 2_000_000 + b'"}', 413),
        ("POST", "/machines/m/logic", b"\xff\xfe", 400),
        ("POST", "/machines/m/data", b"1e999", 400),
    ],
)
def test_requests_that_schemathesis_does_not_generate_are_answered_too(
    plant: Installation, token: str, method: str, path: str, body: bytes, status: int
) -> None:
    answer = plant.client.request(method, path, content=body, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status, answer.text
    assert status == 200 or answer.headers["Content-Type"] == "application/problem+json"
    assert status != 405 or "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/events", "/machines/m/events"])
@pytest.mark.parametrize("last", [b"17", b"-1", b"9" * 400, b"\xff", b""])
def test_a_stream_begins_for_any_last_event_id(
    plant: Installation, token: str, path: str, last: bytes
) -> None:
    headers = [(b"Authorization", b"Bearer " + token.encode()), (b"Last-Event-ID", last)]

    with plant.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code in (200, 400)
        assert answer.headers["Content-Type"].startswith(
            "text/event-stream" if answer.status_code == 200 else "application/problem+json"
        )

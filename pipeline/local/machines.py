"""Uploads the logic of three machines over REST, as a user would, and then becomes `iot-devices`.

`python -m pipeline.local.machines IOT_DEVICES mqtt|amqp`; IOT_DEVICES is the path of the command
`iot-devices`.
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from typing import Final

from pipeline.local.errors import LocalError
from pipeline.settings import Settings

#: Seconds that the API may take to become ready, and seconds between two checks.
_READY_SECONDS: Final = 60
_INTERVAL: Final = 0.2

#: The logic of each machine. See `devices.machine` for the contents of a reading.
LOGIC: Final = {
    # Whether the machine runs, for how many readings it has done so, and how often that changed.
    "machine_A": """\
def process(data, state):
    status = "running" if data["signal"] == 1 else "stopped"
    if status != state.get("status", status):
        state["changes"] = state.get("changes", 0) + 1
        state["readings"] = 0
    state["status"] = status
    state["readings"] = state.get("readings", 0) + 1
    return {"status": status, "for_readings": state["readings"], "changes": state.get("changes", 0)}
""",
    # A smoothed temperature, and an alarm that does not flicker: on above 60, off below 55.
    "machine_B": """\
def process(data, state):
    smooth = 0.8 * state.get("smooth", data["temperature"]) + 0.2 * data["temperature"]
    state["smooth"] = smooth
    if smooth > 60:
        state["alarm"] = True
    elif smooth < 55:
        state["alarm"] = False
    return {"temperature": round(smooth, 1), "alarm": state.get("alarm", False)}
""",
    # The worst vibration so far, to compare with ISO 10816's limits for a small machine, and the share of
    # rejects.
    "machine_C": """\
def process(data, state):
    state["worst"] = max(state.get("worst", 0.0), data["vibration"])
    rejects = 100 * data["rejected"] / data["produced"] if data["produced"] else 0.0
    return {"vibration": data["vibration"], "worst": state["worst"], "rejects_percent": round(rejects, 1)}
""",
}

#: Printed with commands that a user can copy unchanged.
_TRY: Final = """\
Open {api} in a browser. Or use REST, to read a machine's logic or to replace it while it runs:
curl {api}/machines/machine_A/logic
curl -X POST {api}/machines/machine_A/logic -H "Content-Type: application/json" \
-d '{{"logic": "def process(data, state): state[\\"status\\"] = \\"running\\" \
if data[\\"signal\\"] == 1 else \\"stopped\\"; return state"}}'
Press Ctrl-C to stop everything."""


def main(devices: str, via: str) -> None:
    """Wait for the API, deploy logic, and become `iot-devices simulate`. Exits with 1 if the API refuses."""
    api = Settings.from_environ().api_url
    try:
        _wait_until_ready(api)
        for machine_id, source in LOGIC.items():
            version = _upload(api, machine_id, source)
            print(f"{machine_id}: deployed version {version} of its logic", flush=True)
    except LocalError as e:
        sys.exit(str(e))
    print(_TRY.format(api=api.replace("127.0.0.1", "localhost")), flush=True)
    os.execv(  # noqa: S606  our own command
        devices,
        [devices, "simulate", "--machine-ids", ",".join(LOGIC), "--rate", "1", "--via", via],
    )


def _wait_until_ready(api: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    said: object = "it does not answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{api}/health/ready", timeout=5):  # noqa: S310  our own API
                return
        except urllib.error.HTTPError as e:
            said = e.read().decode(errors="replace")
        except OSError as e:
            said = e
        time.sleep(_INTERVAL)
    raise LocalError(f"The API at {api} was not ready within {_READY_SECONDS} seconds: {said}")


def _upload(api: str, machine_id: str, source: str) -> int:
    """Upload a logic and return its version. Raises `LocalError`."""
    request = urllib.request.Request(  # noqa: S310  our own API
        f"{api}/machines/{machine_id}/logic",
        json.dumps({"logic": source}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            version: int = json.load(response)["version"]
            return version
    except urllib.error.HTTPError as e:
        said = e.read().decode(errors="replace")
        raise LocalError(f"The API refused the logic of {machine_id}: {e} {said}") from e
    except OSError as e:
        raise LocalError(f"The logic of {machine_id} could not be uploaded: {e}") from e


if __name__ == "__main__":
    # For the time before this process becomes iot-devices, which handles signals itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(sys.argv[1], sys.argv[2])

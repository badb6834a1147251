"""A Home Assistant with nothing but its MQTT integration, for the environment that `home_assistant` creates.

`python hass.py FOLDER BROKER HTTP` connects to the MQTT broker at the port BROKER of loopback. It writes each
state of an entity as a line: the entity's id, its state, and its unit.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from homeassistant import auth, bootstrap, config_entries, core, loader
from homeassistant.setup import async_setup_component


async def main(folder: Path, broker_port: int, http_port: int) -> None:
    """Run until the process is ended."""
    (folder / "configuration.yaml").touch()
    hass = core.HomeAssistant(str(folder))
    # All that the integration needs is installed.
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    hass.bus.async_listen("state_changed", core.callback(show))
    broker = config_entries.ConfigEntry(
        version=1,
        minor_version=1,
        domain="mqtt",
        title="Mosquitto",
        data={"broker": "127.0.0.1", "port": broker_port, "discovery": True},
        source="user",
    )
    http = {"server_host": "127.0.0.1", "server_port": http_port}
    assert await async_setup_component(hass, "http", {"http": http})
    await hass.config_entries.async_add(broker)
    await hass.async_start()
    print("started", flush=True)
    await asyncio.Event().wait()


def show(event: Any) -> None:
    """Write a new state."""
    state = event.data["new_state"]
    if state is None:
        print(event.data["entity_id"], "removed", flush=True)
    else:
        print(state.entity_id, state.state, state.attributes.get("unit_of_measurement", ""), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

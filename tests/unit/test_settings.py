"""Settings from the environment: read, refused, explained."""

import subprocess
import sys

import msgspec
import pytest

from pipeline.errors import SettingsError
from pipeline.settings import Settings, setting_fields


def test_without_anything_set_the_defaults_hold() -> None:
    assert Settings.from_environ({"PATH": "/bin"}) == Settings()


def test_values_are_read_as_what_they_are() -> None:
    settings = Settings.from_environ(
        {
            "IOT_LOGIC_PARTITIONS": "16",
            "IOT_LOGIC_ALLOW_UNCONFINED_SANDBOX": "true",
            "IOT_LOGIC_LIMIT_FUEL": "5000",
        }
    )

    assert settings.partitions == 16
    assert settings.allow_unconfined_sandbox is True
    assert settings.limits.fuel == 5000


def test_a_misspelt_setting_is_refused_with_the_right_name() -> None:
    with pytest.raises(SettingsError, match="Did you mean IOT_LOGIC_REDIS_URL"):
        Settings.from_environ({"IOT_LOGIC_REDIS_ULR": "redis://localhost"})


@pytest.mark.parametrize("value", ["0", "many", "257", ""])
def test_a_value_that_does_not_fit_is_refused_with_its_name(value: str) -> None:
    with pytest.raises(SettingsError, match="IOT_LOGIC_PARTITIONS cannot be"):
        Settings.from_environ({"IOT_LOGIC_PARTITIONS": value})


def test_every_setting_has_help() -> None:
    for field in setting_fields():
        described = msgspec.inspect.type_info(field.type)
        assert isinstance(described, msgspec.inspect.Metadata)
        assert described.extra_json_schema
        assert described.extra_json_schema["description"]


def test_the_settings_import_nothing_that_takes_time() -> None:
    # Every command reads them.
    code = "import sys, pipeline.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"redis", "pika", "litestar", "RestrictedPython"} & set(loaded.split())

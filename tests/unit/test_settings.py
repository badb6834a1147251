"""Settings from the environment: read, refused, explained."""

import subprocess
import sys
from pathlib import Path

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
    with pytest.raises(SettingsError, match="IOT_LOGIC_PARTITIONS has the invalid value"):
        Settings.from_environ({"IOT_LOGIC_PARTITIONS": value})


def test_a_setting_can_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://:secret@redis/0\n")
    (tmp_path / "partitions").write_text("16")

    settings = Settings.from_environ(
        {
            "IOT_LOGIC_REDIS_URL_FILE": str(tmp_path / "url"),
            "IOT_LOGIC_PARTITIONS_FILE": str(tmp_path / "partitions"),
        }
    )

    assert settings.redis_url == "redis://:secret@redis/0"
    assert settings.partitions == 16


def test_a_setting_that_is_said_and_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://redis/0")

    with pytest.raises(SettingsError, match="IOT_LOGIC_REDIS_URL and IOT_LOGIC_REDIS_URL_FILE are both set"):
        Settings.from_environ({"IOT_LOGIC_REDIS_URL": "", "IOT_LOGIC_REDIS_URL_FILE": str(tmp_path / "url")})


@pytest.mark.parametrize("content", [None, b"\xff", b"8" * 70_000])
def test_a_file_that_cannot_be_a_setting_is_refused_with_its_variable(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)

    with pytest.raises(SettingsError, match="IOT_LOGIC_API_TOKEN_FILE names"):
        Settings.from_environ({"IOT_LOGIC_API_TOKEN_FILE": str(tmp_path / "file")})


def test_what_is_in_a_file_is_not_shown_where_it_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hush")

    with pytest.raises(
        SettingsError, match="IOT_LOGIC_PARTITIONS_FILE has an invalid value in the file"
    ) as refused:
        Settings.from_environ({"IOT_LOGIC_PARTITIONS_FILE": str(tmp_path / "file")})

    assert "hush" not in str(refused.value)


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


@pytest.mark.parametrize("value", ["javascript:alert(1)", "127.0.0.1:15672", "http://a b", "http://"])
def test_a_page_that_is_linked_to_has_an_address_of_the_web(value: str) -> None:
    with pytest.raises(SettingsError, match="IOT_LOGIC_RABBITMQ_PAGE has the invalid value"):
        Settings.from_environ({"IOT_LOGIC_RABBITMQ_PAGE": value})

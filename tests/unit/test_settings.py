"""Settings from the environment: how they are read, and why they are refused."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from pipeline.errors import SettingsError
from pipeline.settings import Settings, is_address, setting_fields
from pipeline.store.address import RedisAddress


def test_without_anything_set_the_defaults_hold() -> None:
    assert Settings.from_environ({"PATH": "/bin"}) == Settings()


def test_values_are_converted_to_their_types() -> None:
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
def test_an_invalid_value_is_refused_with_its_name(value: str) -> None:
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


def test_a_setting_that_is_given_both_directly_and_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://redis/0")

    with pytest.raises(SettingsError, match="IOT_LOGIC_REDIS_URL and IOT_LOGIC_REDIS_URL_FILE are both set"):
        Settings.from_environ({"IOT_LOGIC_REDIS_URL": "", "IOT_LOGIC_REDIS_URL_FILE": str(tmp_path / "url")})


@pytest.mark.parametrize("content", [None, b"\xff", b"8" * 70_000])
def test_an_unusable_file_is_refused_with_the_name_of_its_variable(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)

    with pytest.raises(SettingsError, match="IOT_LOGIC_API_TOKEN_FILE names"):
        Settings.from_environ({"IOT_LOGIC_API_TOKEN_FILE": str(tmp_path / "file")})


def test_an_invalid_value_from_a_file_is_not_shown(tmp_path: Path) -> None:
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


def test_the_settings_import_no_slow_module() -> None:
    # Every command reads the settings.
    code = "import sys, pipeline.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"redis", "pika", "litestar", "RestrictedPython"} & set(loaded.split())


@pytest.mark.parametrize("value", ["javascript:alert(1)", "127.0.0.1:15672", "http://a b", "http://"])
def test_a_linked_page_must_have_an_http_address(value: str) -> None:
    with pytest.raises(SettingsError, match="IOT_LOGIC_RABBITMQ_PAGE has the invalid value"):
        Settings.from_environ({"IOT_LOGIC_RABBITMQ_PAGE": value})


#: Passwords that somebody may write into an address as they are. The parts must not be shown.
SPECIAL = ["gear/wheel", "gear#wheel", "gear?wheel", "gear[wheel"]


@pytest.mark.parametrize("password", SPECIAL)
@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("IOT_LOGIC_AMQP_URL", "amqp://plant:{}@host:5672/vhost"),
        ("IOT_LOGIC_AMQP_URL", "amqp://plant:fine@host/,amqps://plant:{}@host/"),
        ("IOT_LOGIC_MQTT_URL", "mqtt://plant:{}@host:1883"),
        ("IOT_LOGIC_API_URL", "https://plant:{}@host"),
    ],
)
def test_a_special_character_in_a_password_must_be_encoded_and_is_not_shown(
    name: str, url: str, password: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not a valid address. Percent-encode") as refused:
        Settings.from_environ({name: url.format(password)})

    assert "gear" not in str(refused.value)
    assert "wheel" not in str(refused.value)
    encoded = url.format(quote(password, safe=""))
    assert Settings.from_environ({name: encoded}) != Settings()


@pytest.mark.parametrize(
    ("url", "password"),
    [
        *(
            (url, password)
            for url in ("redis://:{}@host:6379/0", "rediss://plant:{}@host")
            for password in SPECIAL
        ),
        ("unix://plant:{}@/run/redis.sock", SPECIAL[0]),
        ("redis+sentinel://plant:{}@one:26379,two:26379/service", SPECIAL[0]),
    ],
)
def test_the_same_holds_for_the_address_of_redis(url: str, password: str) -> None:
    with pytest.raises(SettingsError, match="Percent-encode") as refused:
        RedisAddress.parse(url.format(password))

    assert "gear" not in str(refused.value)
    assert "wheel" not in str(refused.value)
    RedisAddress.parse(url.format(quote(password, safe="")))


@pytest.mark.parametrize(
    "url",
    [
        "amqp://host",
        "amqp://u:p%2Fq@[::1]:5672/%2F",
        "amqp://u:p@h/vh@st",
        "amqps://h/?heartbeat=5",
        "amqp://u@h",
    ],
)
def test_valid_addresses_are_accepted(url: str) -> None:
    assert is_address(url)


@pytest.mark.parametrize("url", ["amqp://host:port/", "amqp://host:99999/", "amqp://[::1/"])
def test_a_port_must_be_a_number_and_an_ipv6_address_be_complete(url: str) -> None:
    assert not is_address(url)

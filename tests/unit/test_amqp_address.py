"""Tests for `pipeline.broker.connection` that need no server."""

import pytest

from pipeline.broker.connection import parameters_of
from pipeline.errors import SettingsError


@pytest.mark.parametrize(
    ("address", "trouble"),
    [
        ("amqp://plant:gear@host/?heartbeat=x", "heartbeat"),
        ("amqp://host/,amqp://plant:gear@host/?hearbeat=2", "hearbeat"),
        ("amqps://plant:gear@host/?ssl_options={'ca_certs':'/missing.pem'}", "No such file"),
        ("amqps://plant:gear@host/?ssl_options={", "never closed"),
        ("amqps://plant:gear@host/?ssl_options={'certfile':'a.pem'}", "cafile"),
        ("ampq://plant:gear@host/", "ampq"),
    ],
)
def test_an_invalid_scheme_or_parameter_of_the_address_of_rabbitmq_is_named(
    address: str, trouble: str
) -> None:
    with pytest.raises(SettingsError, match=f"IOT_LOGIC_AMQP_URL has an address .*{trouble}") as refused:
        parameters_of(address)

    assert "gear" not in str(refused.value)

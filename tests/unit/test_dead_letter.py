"""Parsing the headers of a dead letter, including headers that no worker wrote."""

from typing import Any

import pika
import pytest
from pika.compat import long

from pipeline.broker.dead_letter import letter_of


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (long(7), 7),
        (2**40, 2**40),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (-(2**63), None),
        (True, None),
        ("7", None),
        (None, None),
    ],
)
def test_a_number_is_accepted_in_every_integer_type(value: Any, number: int | None) -> None:
    properties = pika.BasicProperties(message_id="m1/1", headers={"logicversion": value})

    letter = letter_of("machines.m1.dead-letter", properties, b"{}")

    assert letter.logicversion == number
    assert type(letter.logicversion) in (int, type(None))

"""Tests for `pipeline.model.time_zone`."""

import pytest

from pipeline.errors import ScheduleRefused
from pipeline.model.time_zone import zone_names, zone_of


def test_every_name_is_a_time_zone() -> None:
    assert len(zone_names()) > 500
    assert all(zone_of(name).key == name for name in zone_names())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Europe/Berln", "There is no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "Did you mean 'Europe/Berlin'?"),
        ("America/New York", "Did you mean 'America/New_York'?"),
        ("berlin", "Did you mean 'Europe/Berlin'?"),
        ("CEST", "There is no time zone 'CEST'."),
        ("+01:00", "Use a name of IANA, such as 'Europe/Berlin' or 'UTC'."),
        ("", "There is no time zone ''."),
        ("../../etc/passwd", "There is no time zone '../../etc/passwd'."),
        ("/etc/localtime", "There is no time zone"),
        ("localtime", "There is no time zone"),
        ("Europe", "There is no time zone 'Europe'."),
        ("Europe/Berlin\0", "There is no time zone"),
        ("E" * 100_000, "The name of a time zone has at most 64 characters, and this one has 100,000."),
    ],
)
def test_an_unknown_time_zone_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        zone_of(name)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300

"""P1 telegram of a smart meter

Checks the CRC of a telegram from the P1 port of a Dutch or Belgian meter (DSMR 4 and 5), and reads
energy, power and gas from it.
"""

from datetime import datetime, timedelta, timezone

# The lines of the telegram, by their OBIS code, with the names of the results.
NAMES = {
    "1-0:1.8.1": "import_1_kwh",
    "1-0:1.8.2": "import_2_kwh",
    "1-0:2.8.1": "export_1_kwh",
    "1-0:2.8.2": "export_2_kwh",
    "1-0:1.7.0": "import_kw",
    "1-0:2.7.0": "export_kw",
    "0-1:24.2.1": "gas_m3",
    "0-1:24.2.3": "gas_m3",
}


def make_table():
    """Return the CRC of each byte, so that a telegram needs one step for each of its characters."""
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return table


# It is computed once, when the logic is uploaded.
TABLE = make_table()


def crc16(text):
    crc = 0
    for byte in text.encode():
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return f"{crc:04X}"


def time_of(text):
    """Return a time such as 260312101112W as ISO 8601. S is summer time, W is winter time."""
    zone = timezone(timedelta(hours=2 if text[-1:] == "S" else 1))
    return datetime.strptime(text[:-1], "%y%m%d%H%M%S").replace(tzinfo=zone).isoformat()


def process(data, state):
    telegram, mark, received = data.partition("!")
    if not telegram.startswith("/") or not mark:
        raise ValueError("the telegram is not complete: it must begin with / and have ! at its end")
    calculated = crc16(telegram + "!")
    if received.strip().upper() != calculated:
        raise ValueError(f"the CRC is {received.strip()[:10]!r} instead of {calculated!r}")
    result = {}
    for line in telegram.splitlines():
        # A line is a code with values in brackets: 1-0:1.8.1(004321.123*kWh). The value of the gas meter is
        # in the second brackets, after its time.
        code, bracket, rest = line.partition("(")
        value = rest.rstrip(")").split("(")[-1]
        if code == "0-0:1.0.0":
            result["time"] = time_of(value)
        elif code in NAMES and bracket:
            result[NAMES[code]] = float(value.partition("*")[0])
    if not result:
        raise ValueError("the telegram has none of the values that are read")
    return result

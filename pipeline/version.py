"""The version of this program."""

from importlib.metadata import version

#: The installed version.
VERSION = version("iot-logic-processor")

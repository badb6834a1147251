"""The version of this program."""

from importlib.metadata import version

#: The version of this program, as it is installed.
VERSION = version("iot-logic-processor")

"""The command `iot-logic`."""

"""The REST API and the `iot-logic` command.

A reading sent over HTTP enters the system here. No other step of its processing uses this package.
"""

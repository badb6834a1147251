"""The checks of `iot-logic doctor`, one file for each subject: RabbitMQ, Redis, the workers and this host.

Each check yields findings and changes nothing. If something cannot be checked, that is a finding too.
"""

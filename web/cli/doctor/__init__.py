"""What `iot-logic doctor` looks at, a file each: RabbitMQ, Redis, the workers and this host.

Each check yields findings and changes nothing. What cannot be looked at is a finding too.
"""

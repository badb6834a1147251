"""Takes readings in over REST, and publishes each as a device would."""

from typing import Final

#: Bytes of readings that may wait for RabbitMQ to confirm them.
UNCONFIRMED: Final = 64 * 1024**2

"""RabbitMQ and Redis of one machine's own, and the demo that `make run` shows on them."""

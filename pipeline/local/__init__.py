"""Local RabbitMQ and Redis servers on one machine, and the demo that `make run` shows on them."""

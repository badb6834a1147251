"""Dead letters on their way from RabbitMQ to Redis, and back again."""

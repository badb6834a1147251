"""RabbitMQ: the connection, the topology, publishing, and the format of each message."""

"""The compose stack, built and started for real: `make test-compose`."""

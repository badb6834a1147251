"""The REST API, and the commands for people. Nothing here is on a reading's road but its first step."""

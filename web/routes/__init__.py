"""The routes of the REST API, one subject a file."""

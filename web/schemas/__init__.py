"""The JSON of the REST API that several routes share."""

"""HTTP: the processing of requests before their handlers, and of responses after them."""

"""Live events as server-sent events: the feeds of this process, and their readers."""

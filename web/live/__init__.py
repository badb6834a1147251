"""Live events over server-sent events: the feeds of this process, and the way of a client through one."""

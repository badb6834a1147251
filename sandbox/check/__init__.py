"""At upload: reads a source, refuses what is not allowed, and has each step of the rest counted."""

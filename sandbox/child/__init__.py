"""The child process: it confines itself, and runs the logic on each reading."""

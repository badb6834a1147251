"""The confined child process: closes itself in, and takes each reading through its logic."""

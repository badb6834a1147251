"""Runs logic on readings, in order and exactly once: publishing, storage and processing."""

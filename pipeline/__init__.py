"""Runs logic on readings, in order and exactly once: what is published, stored and processed."""

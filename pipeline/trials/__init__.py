"""Runs logic on examples and recorded readings, without any effect."""

"""Backups: the machines and their logic, written to a file and restored from it."""

"""Alarms on their way from the journal to other systems and people."""

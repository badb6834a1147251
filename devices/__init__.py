"""Devices for a plant that has none: simulated fleets, replayed recordings, and the senders of both.

The package uses the names on the wire (`pipeline.wire`) and the addresses (`pipeline.settings`), and no other
part of the pipeline, so its readings take the same path as those of a real machine.
"""

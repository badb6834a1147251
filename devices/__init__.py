"""Devices for a plant that has none: simulated fleets, replayed recordings, and the senders of both.

Of the pipeline, the package imports only the names on the wire (`pipeline.wire`), the addresses
(`pipeline.settings`), the clock and the errors, so its readings take the same path as those of a real
machine.
"""

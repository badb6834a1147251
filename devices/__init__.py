"""Devices for a plant that has none at hand: simulated fleets, replayed recordings, and how both are sent.

Knows the names on the wire (`pipeline.broker.topology`) and where things are (`pipeline.settings`), nothing
else of the pipeline: what it sends takes the road that a real machine's readings take.
"""

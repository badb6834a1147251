"""Workers with one safeguard taken out: `dramatiq tests.chaos.sabotage.<name>`.

Each module takes one thing out, sets the trap that the environment names, and is `pipeline.actors` otherwise.
"""

"""Workers without one of the safeguards: `dramatiq tests.chaos.sabotage.<name>`.

Each module removes one safeguard, sets the trap that the environment names, and otherwise equals
`pipeline.actors`.
"""

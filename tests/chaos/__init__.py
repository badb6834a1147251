"""The chaos campaign: a fleet that numbers its readings, random faults, and a count of every reading.

::

    plan ──faults──▶ campaign ──▶ faults ──▶ workers (behind proxies), RabbitMQ, Redis, the API
                        │                        │
    fleet ──readings, confirmed or in doubt──▶ the installation ──results, dead letters──▶ tap
                        │                                                                  │
                        └────────────────────▶ verdict ◀───────────────────────────────────┘

Why the check can be trusted:

- Each number of a machine is sent once only. A reading whose confirm was lost is *in doubt*: the machine
  continues with the next number, and the one in doubt may be counted once or not at all. A confirmed one must
  be counted exactly once. The fleet talks to RabbitMQ directly, so only a killed broker causes doubt, and
  nothing from a lost connection can arrive late.
- The logics store in the state which numbers they have counted, so no count can be lost or repeated
  unnoticed. Results with the same id are compared byte by byte.
- Every safeguard of the pipeline is removed once (`sabotage`), and the campaign must detect it.

Two more campaigns run in rounds, and count every reading after each round: `kills` (SIGKILLs of RabbitMQ at
the moments when its log lags) and `splits` (of a cluster of three nodes). They share `rounds`, `site` and
`census`.
"""

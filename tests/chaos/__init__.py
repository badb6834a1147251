"""The chaos campaign: a fleet that numbers its readings, faults at random, and a count of every reading.

::

    plan ──faults──▶ campaign ──▶ faults ──▶ workers (behind proxies), RabbitMQ, Redis, the API
                        │                        │
    fleet ──readings, confirmed or in doubt──▶ the installation ──results, dead letters──▶ tap
                        │                                                                  │
                        └────────────────────▶ verdict ◀───────────────────────────────────┘

What makes the check sure of itself:

- Each number of a machine is sent once, ever. A reading whose confirm was lost is *in doubt*: the machine
  goes on with the next number, and the one in doubt may be counted once or not at all. A confirmed one must
  be counted exactly once. The fleet talks to RabbitMQ directly, so that doubt comes from a killed broker
  alone and nothing of a lost connection can arrive late.
- The logics keep in the state which numbers they have counted, so a count can be neither lost nor repeated
  unseen. Results are compared byte by byte with those of the same id.
- Every safeguard of the pipeline is taken out once (`sabotage`), and the campaign must notice.

Two more campaigns run in rounds, and count every reading after each: `kills` (SIGKILLs of RabbitMQ at the
moments when its log lags behind) and `splits` (of a cluster of three nodes). They share `rounds`, `site`
and `census`.
"""

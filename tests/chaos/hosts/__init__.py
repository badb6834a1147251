"""The cluster campaign: every part runs on several hosts, any of which is killed, frozen, or cut off.

::

    this process: fleets, results, changes, HAProxy
                 │
    ─────────────┴──────── a bridge ───────────────────────────────────────
     b1 b2 b3     r1 r2 r3     s1 s2 s3      w1 w2 w3     a1 a2
     RabbitMQ     Redis        Sentinels     workers      APIs

Strategy:

- *Hosts are network namespaces* (`network`), one for each node, so that every link between two nodes can be
  cut on its own, and silently: packets get lost, and no connection is closed. Nodes with the same number also
  stand for one machine that fails as a whole. The campaign's process runs in a namespace of its own, and all
  others disappear with it.
- *The configuration is the one in docs/growing.md*, with the product's default settings (`scene`).
- *A round* is one fault (`faults`) under load. After it the servers must be in step again, every reading is
  counted (`tests.chaos.census`), and every change that was answered must be there (`changes`).
- *Time without service* (`service`) is what a client notices: the longest time in which a machine had no
  result, a publisher no confirm, or a client of the API no answered change. It is measured from the fault
  until everything flows again, so it contains the time that clients take to find another node. The kind
  "nothing" shows how much of it is only the pause between two readings.
"""

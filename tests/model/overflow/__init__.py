"""A small model of the overflow, where the readings of a machine wait that floods its partition.

It takes for granted what the other model shows (`tests.model`): only the session that holds the fence writes
records, and a session knows which readings of the partition's own queue are applied. So it needs no marks and
no broker links, and has room for what the other one leaves out: the overflow queue, which refuses messages
while it is full, and the publishers that move readings there.

The promise is broken when a reading is applied twice, when it is applied before an earlier one of its
machine, or when a state is reached from which not all readings can be run any more: then a reading is lost,
or the partition stands still for good. Readings that expire in the overflow are dead letters, and count as
run.

| file | what |
|---|---|
| `world.py` | the state, and the size of a model |
| `session.py` | the session: batches, records, acknowledgements |
| `publisher.py` | publishers, and the overflow that answers them |
| `rules.py` | the rules, as flags |
| `words.py` | steps in plain words |
| `model.py` | the model as the search needs it |
| `scenarios.py` | the searches: rules, size and faults |

The rules
---------
O1. A moved reading is acknowledged when the overflow has confirmed all moved readings of its batch. Until a
    session knows that, the record keeps the moved readings, and the next session publishes them again.
O2. While the overflow holds readings of a machine, the machine's new readings go there too. They are run in
    the order of their places, each once.
O3. A session that publishes moved readings again gives the attempt a higher number. From its first place on,
    copies of older attempts do not count.
O4. While moved readings may be missing in the overflow, a copy does not count if the record keeps an earlier
    reading that is not taken. If the session itself is moving these readings, it ends.
O5. An attempt publishes its messages in order, and refused ones again from the first one on. It fails if the
    overflow refuses a message and accepts a later one, or if the connection is lost. Then the session ends.
O6. While moved readings are on their way, the session hands out readings from the overflow, and none of the
    partition's own queue.

What the model contains
-----------------------
- A quorum queue is full while too many messages wait in it, those delivered to a consumer not counted, and
  refuses others: `rabbit_fifo.erl`, `is_over_limit/1` and `evaluate_limit/5` (v4.2.9).
- Messages of one publisher reach the queue in order, each at any time, and are accepted or refused one by
  one. The publisher has the answers to all messages that it published last, some time later.
- A queue without a leader refuses the first message of a channel: `rabbit_fifo_client.erl`, `enqueue/4`.
- Returned messages are delivered again before all others.
- An acknowledgement takes effect some time later, or is lost when the session ends.
- When a session ends, its publisher goes on: a zombie. When a worker is killed, its messages on their way
  arrive later, or never. When a publisher loses its connection, the answers are lost too.
- A worker may be killed at any point: after it has written a record and before it publishes, too.
- The answer to a write of records may be lost. A user may edit or delete a machine at any time.
- A reading may expire in the overflow.

What the model leaves out
-------------------------
- Queues as large as real ones: the overflow refuses messages while one or two wait, delivers one or two at a
  time, and there are two to four readings. The number of faults is limited.
- Batches of several partitions, and a batch whose machines are written one by one.
- Zombies that consume the overflow: they write nothing, and what they acknowledge is applied, or will be
  published again.
- A reading that expires in the overflow while a session crashes: readings of its machine behind it may wait
  in the record until the machine sends again.
- Steps that commute with all others, once no fault is left: they are done at once.
- Copies on their way that can have no effect any more.
"""

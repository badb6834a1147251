"""A small model of the protocol that applies each reading exactly once, and a search through all its states.

The model has one partition's queue, sessions that consume it, and Redis. A breadth-first search visits every
order in which their steps and a limited number of faults can happen. When the promise breaks it prints the
shortest list of steps that leads there. To change a rule of `pipeline.model.record`, change it in
`tests.model.rules` or `tests.model.overflow.rules` first and run `python -m tests.model`, or
`python -m tests.model quick`.

| file | what |
|---|---|
| `world.py` | the state, and the size of a model |
| `broker.py` | the queue's leader and the channels |
| `store.py` | Redis, and the verdict on each write |
| `worker.py` | sessions |
| `rules.py` | the rules, as flags |
| `model.py` | the model as the search needs it |
| `search.py` | the search |
| `words.py` | steps in plain words |
| `scenarios.py` | the searches: rules, size and faults |
| `overflow/` | a second model, of the overflow; `overflow/__init__.py` explains it |

The promise is broken when a reading is applied twice, when it is applied before an earlier one of its
machine, when a state is written over a newer one, or when a reading is settled that was never applied.

The rules
---------
N1. A record is written only over the record that was read (compare-and-set on a random token).
N2. In its own record, a session knows its readings by their delivery tags.
N3. Any other reading is applied if it is redelivered and its mark is among those of earlier sessions. A
    session that recognises a reading makes the mark its own, and writes the record.
N4. Before a session consumes it puts a name of its own, which is used once, into the partition's fence. It
    writes only while the fence has this name.
N5. Marks are forgotten when deliveries prove it. The k-th reading that is delivered to a session proves that
    those up to k - PREFETCH are settled. Marks of earlier sessions are kept until a reading is applied that
    is not among them.
    Probes must not be counted if they are acknowledged ahead of readings: the broker counts what is
    outstanding, and a probe that is acknowledged early lets one more reading through. The model counts
    readings alone; `pipeline.worker.partition` counts both, and acknowledges both in order.
N6. A session ends when a delivery's count is higher than that of the delivery before it.
N7. To prove earlier that readings are settled, a session publishes a probe, waits for its confirm, publishes
    a second one, and waits until that is delivered to it. Readings acknowledged before the first are settled.

What the model contains, and where RabbitMQ does it (deps/rabbit/src, v4.2.9 if no version is named)
----------------------------------------------------------------------------------------------------
- Returned messages go behind messages returned before, and are delivered before all others:
  `rabbit_fifo.erl`, `return_one/8` and `take_next_msg/1`.
- Each return raises a message's count: `incr_msg/3`. It reaches clients as `x-delivery-count`, and as
  `x-acquired-count` from 4.3 (`rabbit_fifo_client.erl`, `add_delivery_count_header/2`, v4.2.9 and v4.3.5).
  In 4.3 `x-delivery-count` does not count every return: rule N6 needs `x-acquired-count` there.
- One consumer is active and the others wait; the next one is activated when the channel has ended:
  `{down, Pid, _Info}`, `activate_next_consumer/2`. Up to PREFETCH messages are checked out: `checkout_one/4`,
  `increase_credit/2`.
- When the leader loses the connection to a channel's node, it returns the consumer's messages and puts the
  consumer at the end of the waiting list. The channel lives on: `{down, Pid, noconnection}` with
  `single_active` (v3.10.16, v3.13.7, v4.0.5, v4.2.9). In v4.3.5 this happens after
  `consumer_disconnected_timeout`; in the model, that is the same cut some time later. When the node is back,
  the consumer can become active again: `{nodeup, Node}`.
- An acknowledgement only settles messages that are still checked out to this consumer under this number:
  `complete/5`. A channel passes acknowledgements on without waiting: `rabbit_fifo_client.erl`, `settle/3`,
  `send_command/5`.
- A channel with many pending commands holds acknowledgements back, but still passes publishes on. It passes
  the acknowledgements on when enough commands are applied: `slow` and `unsent_commands` in `settle/3`,
  `enqueue/4` and `handle_ra_event/4`. When a link is back, it sends pending commands again:
  `resend_all_pending/1`.
- The channel answers `basic.qos` itself: `rabbit_channel.erl`, `handle_method(#'basic.qos'{global = false})`.
- A crash of the broker loses everything in flight and ends all channels.
- Redis is atomic. An answer may be lost, and the write may take effect later or never. An edit over the API
  gives a record another token. A batch of several machines is written machine by machine.
- A session may rest at any point for any time. A killed worker is a session that loses its connection and
  never goes on. A paused worker goes on later, as a zombie.

What the model leaves out
-------------------------
- Queues and numbers as large as real ones: PREFETCH is 2, a batch has one or two readings, two sessions
  consume at a time, and at most three run in total. The number of faults is limited.
- Progress. Two workers that both consume a partition could take the fence from each other again and again.
- The overflow, except that a session may write a record at any time for a reading that came from there. A
  model of its own explores the overflow: `tests.model.overflow`.
- Deleted machines, dead letters, results and their confirms, the delivery limit.
- Two readings with equal marks.
- Loss of confirmed data in Redis or in a majority of the queue's members; a fence key that expires.
- Changes of the queue's leader. Committed commands survive them, so they are delays and lost deliveries.
- RabbitMQ 4.3's timeout for acknowledgements: `{timeout, evaluate_consumer_timeout}` (v4.3.5). It returns
  only the expired messages of a consumer, activates the next consumer, and then cancels the first one. The
  rest comes back later, and can come after newer readings. No rule here covers that, so workers ask for a
  timeout of a week (`pipeline.worker.partition`).
"""

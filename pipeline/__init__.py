"""From a reading in a queue to a published result, and all that the API and the command do without HTTP.

Its rooms, from the top down. A room imports only rooms below it (the contracts in `pyproject.toml`):

- `actors`: a worker process; `dramatiq pipeline.actors` starts it.
- `worker`: the steps of a batch. Begin with `consumer`, then `partition`, `processor`, `transaction`.
- `plant`: the use cases behind the API: upload logic, pause machines, send readings, measure lag.
- `backup`: export to a file, and restore.
- `local`: `make run`: servers on a developer's own machine, and the demo.
- `templates`: the library of templates: logics to start from.
- `trials`: run examples and drafts without effect.
- `dead_letters`: collect dead letters, group them by cause, send them again.
- `notify`: tell people and programs of alarms.
- `store`: Redis: the client, the keys, the scripts, and the data under each key.
- `broker`: RabbitMQ: the connection, the topology, the publisher, and the formats of messages.
- `telemetry`: logs, traces and metrics.
- `model`: values without I/O: a machine, a reading, a record, a dead letter. `record` has the rules.
- `settings`: the settings, from the environment.
- `errors`, `wire`, `clock`, `version`: the errors, the names on the wire, the time, the version.
"""

"""The REST API with its pages, and the command `iot-logic`.

A reading sent over HTTP enters the system here. No other step of its processing uses this package. Its rooms,
from the top down:

- `server`: `iot-api`, the API as a process.
- `cli`: `iot-logic`: its parser, its commands, its doctor. It uses no other room.
- `app`: the application: routes, error handlers and middleware.
- `routes`: the routes, one subject a file.
- `documents`: OpenAPI, AsyncAPI, and a page of both.
- `services`: the objects that the routes use, created once for each process.
- `access`: tokens, roles and limits for each client.
- `live`: server-sent events.
- `schemas`: the JSON of requests and answers that several routes share.
- `http`: connections, problem details, entity tags, and the checks and metrics of every request.
- `metrics`: the metrics of the API.

The web pages are in `web/pages`.
"""

"""The page of the documents: plain HTML, rendered on the server, so that the browser runs no script.

A page renderer in JavaScript takes some megabytes and needs inline or external scripts and styles. This page
can be read, searched and printed like any text. `<details>` folds it, and links lead from schema to schema.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from http import HTTPStatus
from typing import Any, Final

#: The API's address in the commands, and the name of the variable with the token.
_API: Final = '"$API"'
_BEARER: Final = '-H "Authorization: Bearer $TOKEN"'

#: An error that at least so many operations have with the same words is described once.
_COMMON: Final = 20


def page(openapi: dict[str, Any], asyncapi: dict[str, Any], folder: str) -> str:
    """Return the page that shows both documents. `folder`: the relative address of the files it links to."""
    info = openapi["info"]
    body = [
        f"<header><h1>{escape(info['title'])}</h1>{_paragraphs(info['description'])}",
        f'<p><a href="{folder}openapi.json">openapi.json</a> · ',
        f'<a href="{folder}asyncapi.json">asyncapi.json</a></p>',
        "<pre>export API=http://localhost:8001 TOKEN=iot_…</pre></header>",
        *_routes(openapi),
        *_messages(asyncapi),
        *_shapes(openapi),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(openapi['info']['title'])}: API</title>"
        f'<link rel="stylesheet" href="{folder}style.css"></head><body>'
        f"<nav>{_contents(openapi)}</nav><main>{''.join(body)}</main></body></html>\n"
    )


def _operations(openapi: dict[str, Any], tag: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield path, method.upper(), operation


def _contents(openapi: dict[str, Any]) -> str:
    parts = list[str]()
    for tag in openapi["tags"]:
        links = [
            f'<li><a href="#{operation["operationId"]}">{_method(method)}<code>{_path(path)}</code></a>'
            for path, method, operation in _operations(openapi, tag["name"])
        ]
        parts.append(f"<h2>{escape(tag['name'])}</h2><ul>{''.join(links)}</ul>")
    parts.append(
        '<h2>More</h2><ul><li><a href="#errors">Errors</a><li><a href="#messages">Messages</a>'
        '<li><a href="#shapes">Schemas</a></ul>'
    )
    return "".join(parts)


def _common_errors(openapi: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the errors, each a status with its description, that many operations have."""
    counts = Counter(
        (status, answer["description"])
        for item in openapi["paths"].values()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if int(status) >= HTTPStatus.BAD_REQUEST
    )
    return {error for error, count in counts.items() if count >= _COMMON}


def _routes(openapi: dict[str, Any]) -> Iterator[str]:
    common = _common_errors(openapi)
    yield '<section><h2 id="errors">Errors</h2>'
    yield '<p>Errors are <a href="#shape-ProblemDetails">ProblemDetails</a>. Many routes have these:</p>'
    yield from (_answer(status, {"description": said}) for status, said in sorted(common))
    yield "</section>"
    for tag in openapi["tags"]:
        yield f"<section><h2>{escape(tag['name'])}</h2>{_paragraphs(tag['description'])}"
        for path, method, operation in _operations(openapi, tag["name"]):
            yield _route(path, method, operation, common)
        yield "</section>"


def _route(path: str, method: str, operation: dict[str, Any], common: set[tuple[str, str]]) -> str:
    parts = [
        f"<details><summary>{_method(method)}<code>{_path(path)}</code>",
        f" <span>{_inline(operation['summary'])}</span></summary>",
        f'<div id="{operation["operationId"]}">',
        _paragraphs(operation.get("description", "")),
    ]
    if parameters := operation.get("parameters"):
        rows = [
            (each["name"], each["schema"], each["description"], each["required"], each["in"])
            for each in parameters
        ]
        parts.append(f"<h3>Parameters</h3>{_table(rows)}")
    if body := operation.get("requestBody"):
        parts.append(f"<h3>Body</h3>{_content(body['content'])}")
    parts.append(f"<h3>Example</h3><pre>{escape(_command(path, method, operation))}</pre><h3>Answers</h3>")
    answers = operation["responses"]
    elsewhere = [status for status, answer in answers.items() if (status, answer["description"]) in common]
    parts += [_answer(status, answer) for status, answer in answers.items() if status not in elsewhere]
    if elsewhere:
        parts.append(f'<p><a href="#errors">Errors</a> of many routes: {", ".join(elsewhere)}.</p>')
    return f"{''.join(parts)}</div></details>"


def _answer(status: str, response: dict[str, Any]) -> str:
    title = f"<b>{status}</b> {escape(HTTPStatus(int(status)).phrase)}"
    said = f'<span class="said">{_inline(response["description"])}</span>'
    headers = "".join(
        f"<li><code>{escape(name)}</code> {_inline(each.get('description', ''))}"
        for name, each in response.get("headers", {}).items()
    )
    # All problems have the same schema: it is shown once, among the schemas.
    is_problem = int(status) >= HTTPStatus.BAD_REQUEST
    content = "" if is_problem else _content(response.get("content", {}))
    return f'<div class="answer">{title} {said}{f"<ul>{headers}</ul>" if headers else ""}{content}</div>'


def _content(content: dict[str, Any]) -> str:
    return "".join(
        f"<p><code>{escape(media_type)}</code>: {_kind(media['schema'])}</p>"
        f"<pre>{escape(_shown(media.get('example')))}</pre>"
        for media_type, media in content.items()
    )


def _command(path: str, method: str, operation: dict[str, Any]) -> str:
    """Return the curl command for the example of an operation."""
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each.get("example", "…")))
    needed = [
        f"{each['name']}={each.get('example', '…')}"
        for each in operation.get("parameters", ())
        if each["in"] == "query" and each["required"]
    ]
    parts = [
        "curl",
        f"-X {method}" if method != "GET" else "",
        f"{_API}{shlex.quote('?'.join((path, *needed)))}",
    ]
    if operation.get("security") != [{}]:
        parts.append(_BEARER)
    if body := operation.get("requestBody"):
        [(media_type, media)] = body["content"].items()
        sent = json.dumps(media["example"], ensure_ascii=False)
        parts.append(f"\\\n  -H {shlex.quote(f'Content-Type: {media_type}')} -d {shlex.quote(sent)}")
    return " ".join(part for part in parts if part)


def _messages(asyncapi: dict[str, Any]) -> Iterator[str]:
    yield f'<section><h2 id="messages">Messages</h2>{_paragraphs(asyncapi["info"]["description"])}'
    for channel in asyncapi["channels"].values():
        [server] = (each["$ref"].rpartition("/")[2] for each in channel["servers"])
        amqp = channel.get("bindings", {}).get("amqp", {})
        where = f"exchange {amqp['exchange']['name']}" if "exchange" in amqp else amqp.get("is", "topic")
        yield f"<details><summary>{_method(server.upper())}<code>{_path(channel['address'])}</code>"
        yield f" <span>{escape(where)}</span></summary><div>{_paragraphs(channel['description'])}"
        for reference in channel["messages"].values():
            yield _message(asyncapi["components"]["messages"][reference["$ref"].rpartition("/")[2]], server)
        yield "</div></details>"
    yield "</section>"


def _message(message: dict[str, Any], server: str) -> str:
    parts = [f"<h3>{_inline(message['title'])}</h3>", _paragraphs(message.get("summary", ""))]
    parts += [f"<pre>{escape(_shown(each['payload']))}</pre>" for each in message.get("examples", ())]
    if "properties" in message["payload"]:
        parts.append(f"<h4>Payload</h4>{_fields(message['payload'])}")
    if server == "amqp":
        for key, title in (("headers", "Headers"), ("x-amqp-properties", "Properties")):
            if message.get(key, {}).get("properties"):
                parts.append(f"<h4>{title}</h4>{_fields(message[key])}")
    return "".join(parts)


def _shapes(openapi: dict[str, Any]) -> Iterator[str]:
    yield '<section><h2 id="shapes">Schemas</h2><p>The schemas of request bodies and answers.</p>'
    for name, schema in openapi["components"]["schemas"].items():
        yield f'<div id="shape-{escape(name)}" class="shape"><h3>{escape(name)}</h3>'
        yield _paragraphs(schema.get("description", ""))
        yield _fields(schema) if "properties" in schema else f"<p>{_kind(schema)}</p>"
        yield "</div>"
    yield "</section>"


def _fields(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    return _table(
        (name, each, each.get("description", ""), name in needed, "")
        for name, each in schema["properties"].items()
    )


def _table(rows: Iterable[tuple[str, dict[str, Any], str, bool, str]]) -> str:
    """Return a table of fields or parameters: name, schema, description, whether required, and location."""
    lines = [
        f"<tr><td><code>{escape(name)}</code>{'' if needed else ' <small>optional</small>'}"
        f"{f' <small>{where}</small>' if where else ''}<td>{_kind(schema)}<td>{_inline(text)}"
        for name, schema, text, needed, where in rows
    ]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _kind(schema: dict[str, Any]) -> str:
    """Describe a schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(_kind(each) for each in choices)
    if "const" in schema:
        return f"<code>{escape(_shown(schema['const']))}</code>"
    if "enum" in schema:
        return " ".join(f"<code>{escape(_shown(each))}</code>" for each in schema["enum"])
    kind = schema.get("type", "any JSON value")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])}"
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("minLength", "length ≥"),
            ("maxLength", "length ≤"),
        )
        if key in schema
    ]
    extra = [*bounds, *([f"<code>{escape(schema['pattern'])}</code>"] if "pattern" in schema else [])]
    if "default" in schema and schema["default"] not in (None, "", []):
        extra.append(f"default {escape(_shown(schema['default']))}")
    return " ".join([escape(schema.get("format", kind)), *extra])


def _method(method: str) -> str:
    return f'<b class="method {method.lower()}">{method}</b>'


def _path(path: str) -> str:
    """Return a path that a narrow screen may break after each slash or dot."""
    return escape(path).replace("/", "/<wbr>").replace(".", ".<wbr>")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(each)}</p>" for each in text.strip().split("\n\n") if each)


def _inline(text: str) -> str:
    """Return a sentence of ours as HTML, with text between backquotes as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _shown(value: Any) -> str:
    """Return a JSON value as text; a string without quotes."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

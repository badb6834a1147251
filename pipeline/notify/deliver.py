"""Makes one delivery and ends: `python -m pipeline.notify.deliver`, started by `pipeline.notify.courier`.

The job is a JSON object on standard input, and the result one on standard output. A delivery has a process of
its own, because only a process can be stopped whatever it waits for, and because the guard holds for a whole
process (`pipeline.notify.guard`). It knows the job, and no other secret of this installation.
"""

import http.client
import json
import logging
import os
import resource
import signal
import smtplib
import socket
import ssl
import sys
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pipeline.notify import guard

#: Seconds to wait for a connection, or for the next bytes of an answer. `courier` limits the whole delivery.
_SECONDS: Final = 15

#: Bytes of an answer that are read, and characters of a text that are reported.
_ANSWER_BYTES: Final = 2_048
_TEXT: Final = 500

#: Bytes of memory and of output, and seconds of processor time that a delivery may take.
_MEMORY: Final = 1 << 30
_OUTPUT: Final = 65_536
_CPU_SECONDS: Final = 20

#: The statuses of HTTP below 500 after which it is useful to try again.
_TRY_AGAIN: Final = frozenset((408, 425, 429))

#: Services of Apprise that act on this machine and not over a network.
_LOCAL_SERVICES: Final = frozenset(
    ("blink1", "dbus", "glib", "gnome", "macosx", "syslog", "windows", "custom", "vapid")
)


def main() -> None:
    """Make the delivery of the job on standard input, and write the result."""
    # No library may write into the result.
    output = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    job = json.load(sys.stdin)
    signal.alarm(int(job["seconds"]) + 1)
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    os.write(output, json.dumps(_result_of(job)).encode())


def _result_of(job: dict[str, Any]) -> dict[str, Any]:
    kind, refused = job["kind"], list[str]()
    try:
        if kind == "apprise":
            return _apprise(job)
        # The operator has set the mail server, so its address may be private.
        refused = guard.install(
            allow_private=bool(job.get("allow_private")) or kind == "email", files=_certificates()
        )
        return _webhook(job) if kind == "webhook" else _email(job)
    except guard.AddressRefused as e:
        return _failed(f"{e}. Set allow_private if the route may use it", final=True)
    except socket.gaierror as e:
        return _failed(f"the name of the server cannot be resolved: {e.strerror or e}")
    except smtplib.SMTPException as e:
        return _failed(f"the mail server refused: {e}")
    except (OSError, http.client.HTTPException, ValueError) as e:
        if refused:
            return _failed(f"{refused[0]}. Set allow_private if the route may use it", final=True)
        return _failed(f"the target cannot be reached: {type(e).__name__}: {e}")


def _webhook(job: dict[str, Any]) -> dict[str, Any]:
    url = urlsplit(job["url"])
    host = url.hostname or ""
    if url.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, url.port, timeout=_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=_SECONDS)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    connection.request("POST", target, job["body"].encode(), job["headers"])
    with connection.getresponse() as answer:
        status, shown = answer.status, f"{answer.status} {answer.reason[:_TEXT]}".strip()
        if 200 <= status < 300:
            return {"ok": True, "answer": shown}  # the body does not matter, and may never end
        said = answer.read(_ANSWER_BYTES).decode("utf-8", "replace")[:_TEXT].strip()
        again, moved = answer.headers.get("Retry-After", ""), answer.headers.get("Location", "")
    if 300 <= status < 400:
        return _failed(
            f"the webhook answered {shown}, a redirect to {moved[:200]!r}. Redirects are not followed: set "
            "the final address",
            final=True,
        )
    reason = f"the webhook answered {shown}" + (f": {said}" if said else "")
    final = 400 <= status < 500 and status not in _TRY_AGAIN
    is_number = again.isascii() and again.isdigit() and len(again) < 10
    return _failed(reason, final=final) | ({"again": int(again)} if is_number else {})


def _email(job: dict[str, Any]) -> dict[str, Any]:
    url = urlsplit(job["url"])
    host, context = url.hostname or "", ssl.create_default_context()
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, url.port or 465, timeout=_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 25, timeout=_SECONDS)
    try:
        return _mailed(server, job, context)
    finally:
        # The message was accepted or refused before, so the answer does not matter.
        with suppress(OSError):
            server.putcmd("QUIT")
        server.close()


def _mailed(server: smtplib.SMTP, job: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
    url = urlsplit(job["url"])
    user, password = unquote(url.username or ""), unquote(url.password or "")
    server.ehlo_or_helo_if_needed()
    if url.scheme == "smtp":
        if server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif user and not _is_loopback(server):
            return _failed(
                "the mail server offers no STARTTLS, and a password must not be sent without TLS. Use "
                "smtps:// in IOT_LOGIC_SMTP_URL"
            )
    if user:
        server.login(user, password)
    try:
        refused = server.sendmail(job["sender"], job["to"], job["message"].encode())
    except smtplib.SMTPRecipientsRefused as e:
        codes = [code for code, _ in e.recipients.values()]
        return _failed(_refused(e.recipients), final=min(codes) >= 500)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as e:
        said = e.smtp_error if isinstance(e.smtp_error, bytes) else str(e.smtp_error).encode()
        return _failed(
            f"the mail server refused the message: {e.smtp_code} {said.decode('utf-8', 'replace')}",
            final=e.smtp_code >= 500,
        )
    return {"ok": True, "answer": _refused(refused) if refused else "the mail server accepted the message"}


def _apprise(job: dict[str, Any]) -> dict[str, Any]:
    try:
        import apprise
        from apprise.manager_plugins import NotificationManager
    except ImportError:
        return _failed(
            "this installation has no Apprise. Install it with: pip install 'iot-logic-processor[apprise]'",
            final=True,
        )
    NotificationManager().load_modules()
    try:
        import requests
    except ImportError:
        pass
    else:
        # The guard holds for the target of a redirect too, but a secret must not follow it to another host.
        setattr(requests.Session, "get_redirect_target", lambda *_: None)  # noqa: B010
    refused = guard.install(allow_private=bool(job.get("allow_private")), files=_certificates())
    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(plugin_paths=[], storage_mode="memory", secure_logging=True)
    service = apprise.Apprise.instantiate(job["url"], asset=asset, suppress_exceptions=True)
    if service is None:
        return _failed("Apprise does not know this kind of address, or the address is incomplete", final=True)
    module = type(service).__module__
    if not module.startswith("apprise.plugins.") or set(module.split(".")) & _LOCAL_SERVICES:
        return _failed(
            "this service acts on the host of the API and not over a network, so it is refused", final=True
        )
    if job.get("check"):
        return {"ok": True, "answer": str(service.service_name)}
    box = apprise.Apprise(asset=asset)
    box.add(service)
    if box.notify(
        title=job["title"], body=job["body"], notify_type=job["type"], body_format=apprise.NotifyFormat.TEXT
    ):
        return {"ok": True, "answer": f"{service.service_name} accepted the message"}
    if refused:
        return _failed(f"{refused[0]}. Set allow_private if the route may use it", final=True)
    return _failed(f"{service.service_name} did not accept the message: {said.text or 'it gave no reason'}")


class _Said(logging.Handler):
    """Keeps the last warnings of Apprise."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a record."""
        self.text = f"{self.text} {record.getMessage()}"[-_TEXT:].strip()


def _failed(reason: str, *, final: bool = False) -> dict[str, Any]:
    return {"ok": False, "error": reason[: 2 * _TEXT], "final": final}


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    shown = "; ".join(
        f"{address}: {code} {said.decode('utf-8', 'replace')}"
        for address, (code, said) in list(recipients.items())[:3]
    )
    return f"the mail server refused some recipients: {shown}"


def _is_loopback(server: smtplib.SMTP) -> bool:
    assert server.sock is not None
    host = server.sock.getpeername()[0]
    return isinstance(host, str) and (host.startswith("127.") or host == "::1")


def _certificates() -> list[str]:
    """Return the file and folder with the operator's own certificates."""
    return [os.environ[each] for each in ("SSL_CERT_FILE", "SSL_CERT_DIR") if each in os.environ]


if __name__ == "__main__":
    main()

"""The campaign: faults in rounds, a count of everything after each, and the time without service."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from pipeline.local.rabbitmq import script, version_of
from pipeline.version import VERSION
from tests.chaos.hosts.faults import FAULTS, KINDS, UPGRADE
from tests.chaos.hosts.scene import Scene
from tests.chaos.rounds import Findings, Round, plan, run

#: Seconds of load before something happens.
_RUN_UP: Final = (1.0, 3.0)


class Without(Struct, frozen=True):
    """The times without service of one round in seconds; `fault` is the duration of the fault itself."""

    kind: str
    fault: float
    results: float
    publishers: float
    api: float


class Report(Struct):
    """A whole run. It is written as JSON, and docs/growing.md is filled from it."""

    command: str
    seed: int
    version: str = VERSION
    rabbitmq: str = ""
    redis: str = ""
    cores: int = 0
    rounds: int = 0
    confirmed: int = 0
    changes: int = 0
    restarts: int = 0
    old: int = 0
    breaches: list[str] = field(default_factory=list)
    without: list[Without] = field(default_factory=list)


def campaign(
    rounds: int,
    seed: int,
    say: Callable[[str], None],
    *,
    kinds: Sequence[str] = KINDS,
    module: str = "pipeline.actors",
    environ: Mapping[str, str] | None = None,
    newer_redis: str = "",
    logs: Path | None = None,
) -> tuple[Findings, Report]:
    """Run rounds drawn from `seed`. Return the count, and the report with all breaches.

    If there is a newer Redis, one more round at the end upgrades to it.
    """
    findings = Findings(seed)
    report = Report(f"make chaos CLUSTER=1 ROUNDS={rounds} SEED={seed}", seed, cores=os.cpu_count() or 0)
    report.rabbitmq = ".".join(map(str, version_of(script())))
    with ExitStack() as stack:
        scene = Scene(stack, seed=seed, module=module, environ=environ or {}, newer_redis=newer_redis)
        with scene.redis.primary.client() as client:
            report.redis = _version(client.info("server"))
        try:
            run(
                scene,
                plan(kinds, seed, rounds) + [Round(UPGRADE, seed)] * bool(newer_redis),
                lambda each: _happen(scene, each, report, say),
                findings,
                say,
            )
            report.breaches += [f"at the end: {each} is missing" for each in _missing(scene)]
            if newer_redis:
                with scene.redis.primary.client() as client:
                    report.redis += f", at the end {_version(client.info('server'))}"
        finally:
            report.rounds, report.confirmed = len(findings.each), findings.total.confirmed
            report.changes = sum(len(client.answered) for client in scene.clients)
            report.restarts = scene.restarts
            report.old = sum(client.old for client in scene.clients)
            report.breaches += findings.stood_still
            for name in ("lost", "double", "out_of_order", "forgotten"):
                if count := getattr(findings.total, name):
                    report.breaches.append(f"{count:,} readings {name.replace('_', ' ')}")
            if twice := scene.taken.numbers.used_twice:
                report.breaches.append(f"{twice:,} numbers were used twice")
            if report.breaches and logs:
                scene.keep_logs(logs)
    return findings, report


def _version(info: Mapping[str, Any]) -> str:
    """Return the version of a Redis, or of a Valkey, which names the Redis that it is compatible with."""
    valkey = info.get("valkey_version")
    return f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}"


def _happen(scene: Scene, each: Round, report: Report, say: Callable[[str], None]) -> None:
    """Run one round, except for the count of its readings."""
    random = Random(each.seed)
    before = [len(client.answered) for client in scene.clients]
    for client in scene.clients:
        client.start()
    try:
        scene.wait_flowing()
        time.sleep(random.uniform(*_RUN_UP))
        pauses = (scene.results, scene.confirms, scene.answers)
        for pause in pauses:
            pause.start()
        began = time.monotonic()
        FAULTS[each.kind](scene, random)
        lasted = time.monotonic() - began
        scene.recover()
        scene.wait_flowing()
        without = Without(each.kind, lasted, *(pause.stop() for pause in pauses))
    finally:
        for client in scene.clients:
            client.stop()
    report.without.append(without)
    missing = _missing(scene, before)
    report.breaches += [f"{each.kind}: {change} is missing" for change in missing]
    changes = sum(len(client.answered) for client in scene.clients) - sum(before)
    say(
        f"{each.kind} for {lasted:.1f} s. Without results {without.results:.1f} s, without confirms "
        f"{without.publishers:.1f} s, without answers {without.api:.1f} s; {changes} changes, "
        f"{len(missing)} missing"
    )


def _missing(scene: Scene, since: Sequence[int] = ()) -> list[str]:
    starts = since or [0] * len(scene.clients)
    return [
        each for client, start in zip(scene.clients, starts, strict=True) for each in client.missing(start)
    ]


def table(report: Report) -> str:
    """Return the times without service by kind, in Markdown: the median and the worst round, in seconds."""
    lines = [
        "| fault | rounds | no result | at worst | no confirm | at worst | no answer | at worst |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind in FAULTS:
        each = [without for without in report.without if without.kind == kind]
        if each:
            columns = ([getattr(one, name) for one in each] for name in ("results", "publishers", "api"))
            figures = " | ".join(f"{median(column):.1f} | {max(column):.1f}" for column in columns)
            lines.append(f"| {kind} | {len(each)} | {figures} |")
    said = (
        f"Seconds. Version {report.version}, RabbitMQ {report.rabbitmq}, {report.redis}, "
        f"{report.cores} cores for everything together, measured with `{report.command}`: "
        f"{report.rounds} rounds, {report.confirmed:,} confirmed readings, {report.changes:,} answered "
        f"changes, {len(report.breaches)} breaches. Rounds after which RabbitMQ was restarted by hand: "
        f"{report.restarts}. Answers that did not know an earlier change yet: {report.old}."
    )
    return "\n".join([*lines, "", said])


def read(path: Path) -> Report:
    """Read a report."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def write(report: Report, path: Path) -> None:
    """Write a report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")

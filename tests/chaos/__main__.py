"""`make chaos`: campaigns of any length. Exit status 1 if a promise was broken.

Without a command: faults of all kinds at random. `kills`: SIGKILLs of RabbitMQ under full load, a count after
each. `splits`: splits and failures of a cluster of three RabbitMQ nodes, a count after each. `floods`: kills
while a machine floods its partition and the overflow is full, a count after each. `failovers`: failures of a
replicated Redis with Sentinels, a count after each. `cluster`: failures of every part of an installation on
several hosts, a count after each, and the time without service.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos import broker, failovers, floods, kills, rounds, splits
from tests.chaos.broker import Broker
from tests.chaos.campaign import Campaign
from tests.chaos.debian import DebianBroker
from tests.chaos.hosts import network
from tests.chaos.hosts.campaign import campaign, table, write
from tests.chaos.hosts.faults import KINDS
from tests.chaos.plan import plan
from tests.chaos.summary import show
from tests.support import haproxy

#: The average duration of a fault in seconds. The rate of the readings follows from it.
_FAULT_SECONDS = 4

#: The width of the terminal that the table of the rounds needs, in columns.
_TABLE_COLUMNS = 130

#: The sources of the RabbitMQ of `kills`.
_BROKERS: dict[str, Callable[[], Broker]] = {"own": Broker, "debian13": DebianBroker}


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many faults")
    parser.add_argument("--readings", type=int, default=200_000, help="how many readings at the least")
    parser.add_argument("--machines", type=int, default=40, help="how many machines send them")
    parser.add_argument("--seed", type=int, help="what the faults are drawn from (default: a new one)")
    parser.set_defaults(run=_faults, folder="")
    commands = parser.add_subparsers(title="commands")
    killing = commands.add_parser("kills", help="SIGKILL RabbitMQ in rounds")
    killing.add_argument(
        "--kinds", nargs="+", type=kills.Kind, default=list(kills.Kind), help="which kinds of rounds"
    )
    killing.add_argument(
        "--rabbitmq", choices=_BROKERS, default="own", help="this machine's, or Debian 13's (needs root)"
    )
    killing.set_defaults(run=_kills, folder="kills-")
    splitting = commands.add_parser("splits", help="split a cluster of three RabbitMQ nodes in rounds")
    splitting.add_argument(
        "--kinds", nargs="+", type=splits.Kind, default=list(splits.Kind), help="which kinds of rounds"
    )
    splitting.add_argument(
        "--handling", choices=splits.HANDLINGS, default="ignore", help="cluster_partition_handling"
    )
    splitting.set_defaults(run=_splits, folder="splits-")
    flooding = commands.add_parser("floods", help="fill the overflow, and kill in rounds")
    flooding.add_argument(
        "--kinds", nargs="+", type=floods.Kind, default=list(floods.Kind), help="which kinds of rounds"
    )
    flooding.set_defaults(run=_floods, folder="floods-")
    failing = commands.add_parser("failovers", help="fail a replicated Redis in rounds")
    failing.add_argument(
        "--kinds", nargs="+", type=failovers.Kind, default=list(failovers.Kind), help="which kinds of rounds"
    )
    failing.set_defaults(run=_failovers, folder="failovers-")
    clustering = commands.add_parser("cluster", help="fail every part of a cluster in rounds (needs root)")
    clustering.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="which faults")
    clustering.add_argument("--replicas", help="IOT_LOGIC_REDIS_REPLICAS")
    clustering.add_argument("--newer-redis", default="", help="the program to upgrade Redis to at the end")
    clustering.add_argument("--report", type=Path, default=Path("build/cluster.json"), help="its file")
    clustering.set_defaults(run=_cluster, folder="cluster-")
    for command in (killing, splitting, flooding, failing, clustering):
        command.add_argument("--rounds", type=int, default=30, help="how many rounds")
        command.add_argument("--module", default="pipeline.actors", help="what the workers run")
        command.add_argument("--seed", type=int, help="what the rounds are drawn from (default: a new one)")
    arguments = parser.parse_args()
    # Exit normally, so that all started processes are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    seed = SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    broken: bool = arguments.run(arguments, seed, Path("build/chaos") / f"{arguments.folder}{seed}")
    return int(broken)


def _faults(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    rate = min(2_000, max(100, arguments.readings / (_FAULT_SECONDS * max(arguments.faults, 1))))
    campaign = Campaign(
        plan(seed, arguments.faults),
        readings=arguments.readings,
        seed=seed,
        machines=arguments.machines,
        rate=rate,
        folder=folder,
    )
    columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        progress.console.print(f"{arguments.faults} faults with seed {seed}")
        report = campaign.run(progress)
    show(report, Console())
    if report.verdict.breaches:
        print(f"journal and logs are in {folder}")
    return bool(report.verdict.breaches)


def _kills(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    _say(f"{arguments.rounds} SIGKILLs of RabbitMQ with seed {seed}")
    found = kills.kills(
        arguments.rounds,
        seed,
        _say,
        kinds=tuple(arguments.kinds),
        module=arguments.module,
        broker=_BROKERS[arguments.rabbitmq],
        logs=folder,
    )
    return _shown(found, folder)


def _splits(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    _say(f"{arguments.rounds} splits of a cluster with {arguments.handling} and seed {seed}")
    found = splits.splits(
        arguments.rounds,
        seed,
        _say,
        handling=arguments.handling,
        kinds=tuple(arguments.kinds),
        module=arguments.module,
        logs=folder,
    )
    return _shown(found, folder)


def _floods(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    _say(f"{arguments.rounds} floods with seed {seed}")
    found, refusals = floods.floods(
        arguments.rounds, seed, _say, kinds=tuple(arguments.kinds), module=arguments.module, logs=folder
    )
    _say(f"the overflow was full {refusals:,} times")
    return _shown(found, folder) or not refusals


def _failovers(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    _say(f"{arguments.rounds} failures of Redis with seed {seed}")
    found, twice = failovers.failovers(
        arguments.rounds, seed, _say, kinds=tuple(arguments.kinds), module=arguments.module, logs=folder
    )
    _say(f"{twice:,} numbers were used twice")
    return _shown(found, folder) or bool(twice)


def _cluster(arguments: argparse.Namespace, seed: int, folder: Path) -> bool:
    broker.ensure_installed()
    haproxy.ensure_installed()
    network.enter()
    _say(f"{arguments.rounds} faults of a cluster with seed {seed}")
    environ = {"IOT_LOGIC_REDIS_REPLICAS": arguments.replicas} if arguments.replicas else {}
    found, report = campaign(
        arguments.rounds,
        seed,
        _say,
        kinds=arguments.kinds,
        module=arguments.module,
        environ=environ,
        newer_redis=arguments.newer_redis,
        logs=folder,
    )
    _shown(found, folder)
    _say(table(report))
    for breach in report.breaches:
        _say(breach)
    write(report, arguments.report)
    return bool(report.breaches)


def _shown(found: rounds.Findings, folder: Path) -> bool:
    # The table is wider than the 80 columns that rich assumes for a pipe or a file.
    rounds.show(found, Console(width=max(_TABLE_COLUMNS, Console().width)))
    if found.broken:
        print(f"logs are in {folder}")
    return bool(found.broken)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

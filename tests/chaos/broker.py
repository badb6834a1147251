"""A private RabbitMQ that executes orders: Erlang expressions from the campaign.

How an order reaches the node: the node starts with an agent, an Erlang process that looks for the file
`order` in the node's folder every 10 ms, evaluates it, and writes `answer`. `rabbitmqctl eval` does the same,
but takes seconds and needs the distribution between nodes, which a split cuts. An order takes milliseconds
and needs only the file.

How the orders affect the log: one process of each node writes to the write-ahead log of its quorum queues.
While that process is suspended (`sys:suspend`), the queues accept messages and acknowledgements, but none of
them is on disk or applied. To RabbitMQ this looks like a slow or stuck disk. A SIGKILL then loses the same
data as a real crash.
"""

from pathlib import Path
from typing import Final

from pipeline.local import packages
from pipeline.local.errors import Unavailable
from pipeline.local.rabbitmq import PLUGINS, PrivateRabbitmq, script, serves_amqp
from tests.support.waiting import wait_until

#: Evaluated at the node's start. It must return, so the loop is a separate process.
_AGENT: Final = """
Order = "{folder}/order",
Answer = "{folder}/answer",
Loop = fun(Loop) ->
    case file:read_file_info(Order) of
        {{ok, _}} ->
            Result = try file:script(Order) catch Class:Reason -> {{Class, Reason}} end,
            file:delete(Order),
            file:write_file(Answer ++ ".new", io_lib:format("~0p", [Result])),
            file:rename(Answer ++ ".new", Answer);
        _ -> ok
    end,
    timer:sleep(10),
    Loop(Loop)
end,
spawn(fun() -> Loop(Loop) end).
"""

_LOG: Final = "maps:get(wal, maps:get(names, ra_system:fetch(quorum_queues)))"

_HOLD: Final = f"ok = sys:suspend({_LOG})."

_SLOW: Final = f"""
Log = {_LOG},
Loop = fun(Loop) ->
    sys:suspend(Log, infinity),
    timer:sleep({{milliseconds}}),
    sys:resume(Log, infinity),
    timer:sleep(2),
    Loop(Loop)
end,
spawn(fun() -> Loop(Loop) end),
ok.
"""

#: The timeout of an order in seconds, long enough for a very busy machine.
_ORDER_SECONDS: Final = 20


def ensure_installed() -> None:
    """Install RabbitMQ, if it is missing. Raises `Unavailable` if that fails."""
    try:
        script()
    except Unavailable:
        packages.install(packages.RABBITMQ)


class Broker(PrivateRabbitmq):
    """RabbitMQ with AMQP only. MQTT has its own Raft group, which doubles the time of a start."""

    def __init__(self) -> None:
        ensure_installed()
        super().__init__()

    def _configure(self) -> None:
        super()._configure()
        plugins = [plugin for plugin in PLUGINS if plugin != "rabbitmq_mqtt"]
        self._file("enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        lines = self._file("rabbitmq.conf").read_text().splitlines()
        self._configure_with([line for line in lines if not line.startswith("mqtt.")])
        self._agent.write_text(_AGENT.format(folder=self.folder))

    def _configure_with(self, lines: list[str]) -> None:
        self._file("rabbitmq.conf").write_text("".join(f"{line}\n" for line in lines))

    @property
    def _agent(self) -> Path:
        return self._file("agent.erl")

    def _environ(self) -> dict[str, str]:
        environ = super()._environ()
        # The script splits the arguments at spaces, so this one contains none.
        environ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] += f' -eval file:eval("{self._agent}").'
        return environ

    def _ready(self) -> bool:
        return serves_amqp(self.amqp_url, [self.amqp_port])

    def start(self) -> None:
        """Start it with its existing data, and return when it serves clients. Raises `ServerFailed`."""
        for name in ("order", "answer"):
            self._file(name).unlink(missing_ok=True)
        super().start()

    def order(self, expressions: str) -> str:
        """Let the node evaluate Erlang expressions. Return the value of the last one as Erlang writes it.

        Raises `AssertionError` if the node does not answer, or with the error of the expressions.
        """
        order, answer = self._file("order"), self._file("answer")
        answer.unlink(missing_ok=True)
        self._file("order.new").write_text(expressions)
        self._file("order.new").rename(order)
        wait_until(answer.exists, timeout=_ORDER_SECONDS)
        said = answer.read_text()
        assert said.startswith("{ok,"), f"RabbitMQ refused an order: {said}"
        return said.removeprefix("{ok,").removesuffix("}")

    def hold_log(self) -> None:
        """Stop all writes to the log of the quorum queues, until the node is killed."""
        self.order(_HOLD)

    def slow_log(self, milliseconds: int) -> None:
        """Delay each write to the log by this time, until the node is killed."""
        self.order(_SLOW.format(milliseconds=milliseconds))

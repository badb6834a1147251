"""Traces that are disabled, misconfigured, or not accepted by a collector: no reading is lost."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.local.ports import free_port
from tests.support.installation import Installation
from tests.support.waiting import wait_until

#: Enables traces without a collector that accepts them.
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}

ROOT = Path(__file__).parents[2]

LOGIC = 'def process(data, state): return {"n": data}'


@pytest.fixture
def without_opentelemetry(tmp_path: Path) -> str:
    """Return the PYTHONPATH of a process that must not find OpenTelemetry."""
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('it is not installed')")
    return str(tmp_path)


def test_a_collector_that_hangs_or_is_missing_loses_no_reading_and_delays_no_shutdown(
    installation: Installation,
) -> None:
    # It accepts connections, and never answers.
    with socket.create_server(("127.0.0.1", 0), backlog=100) as hanging:
        hung = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{hanging.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_BSP_MAX_QUEUE_SIZE": "4",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2",
        }
        installation.environ |= {**hung, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
        api = installation.start_api()
        worker = installation.start_worker(environ=hung)
        installation.upload("m1", LOGIC)
        with installation.collect() as results:
            for number in range(30):
                installation.client.post("/machines/m1/data", json=number).raise_for_status()
                wait_until(lambda: len(results.messages) > number)  # noqa: B023
        wait_until(lambda: "Queue full, dropping Span" in worker.log)

        assert "Queue full, dropping Span" in api.log
        assert [event["data"]["n"] for event in results.events] == list(range(30))
        assert installation.client.get("/dead-letters").json()["kept"] == 0
        assert worker.stop() == 0
        # Uvicorn ends by the signal, after everything is closed.
        assert api.stop() == -signal.SIGTERM


@pytest.mark.parametrize("arguments", [("iot-api",), ("dramatiq", "pipeline.actors", "-p", "1")])
@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT has the invalid"),
        (NOWHERE, "pip install 'iot-logic-processor[otel]'"),
    ],
)
def test_an_invalid_variable_and_a_missing_library_are_refused_at_the_start(
    installation: Installation,
    without_opentelemetry: str,
    arguments: list[str],
    environ: dict[str, str],
    said: str,
) -> None:
    command = installation.start(*arguments, environ={**environ, "PYTHONPATH": without_opentelemetry})

    wait_until(lambda: command.process.poll() is not None, timeout=30)
    assert command.process.returncode != 0
    assert said in command.log
    assert "Traceback" not in command.log


def test_no_module_for_traces_is_imported_if_they_are_off() -> None:
    # redis-py itself imports OpenTelemetry's metrics if they are installed.
    assert imported() == "False False False"
    assert imported(**NOWHERE, OTEL_TRACES_EXPORTER="none") == "False False False"
    assert imported(**NOWHERE) == "True True True"


def test_opentelemetry_is_not_needed_if_traces_are_off(without_opentelemetry: str) -> None:
    assert imported(PYTHONPATH=without_opentelemetry) == "False False False"


def imported(**environ: str) -> str:
    """Return whether traces are enabled with these variables, and which of two modules are imported."""
    code = (
        "import sys, pipeline.actors, web.server; from pipeline.telemetry import tracing;"
        "names = ('opentelemetry.sdk.trace', 'opentelemetry.exporter');"
        "print(tracing.start('a test'), *(name in sys.modules for name in names))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()

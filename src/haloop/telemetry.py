"""Whether traces and metrics are sent to a collector: only where the usual `OTEL_*` variables ask for it.

What sends them is an extra (`haloop-app[otel]`) that is not loaded unless somebody asks. Everything else that the
variables say (headers, intervals, names, samplers) is read by OpenTelemetry's own SDK.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from haloop.engines.local import LocalEngine
from haloop.kernel.errors import BadInput
from haloop.logs import Answered
from haloop.store.sqlite import SqliteLedger

_PROTOCOL = "http/protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be sent."""

    traces: bool
    metrics: bool

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Wanted":
        """What the variables ask for; BadInput where they ask for what Haloop does not send."""
        if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return cls(traces=False, metrics=False)
        return cls(traces=_is_wanted(environment, "TRACES"), metrics=_is_wanted(environment, "METRICS"))


@asynccontextmanager
async def open_telemetry(
    wanted: Wanted, *, ledger: SqliteLedger, engine: LocalEngine, version: str
) -> AsyncIterator[Callable[[Answered], None]]:
    """Send what is wanted until the end of the block; what is yielded is to hear of each request that is over."""
    if not (wanted.traces or wanted.metrics):
        yield _nothing
        return
    try:
        from haloop.collector import open_collector  # noqa: PLC0415  # what it needs is an extra
    except ModuleNotFoundError as error:
        raise BadInput(
            f"Telemetry is asked for, but {error.name} is not installed.",
            code="telemetry.not_installed",
            next_step="Install haloop-app[otel], or take the OTEL_* variables away.",
        ) from error
    async with open_collector(
        ledger=ledger, engine=engine, version=version, traces=wanted.traces, metrics=wanted.metrics
    ) as hear:
        yield hear


def _is_wanted(environment: Mapping[str, str], signal: str) -> bool:
    """An endpoint asks for both signals; naming an exporter asks for one, and `none` takes it back."""
    exporter = environment.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    is_wanted = exporter != "none" and bool(exporter or any(environment.get(name) for name in endpoints))
    if is_wanted and exporter not in ("", "otlp"):
        _refuse(f"OTEL_{signal}_EXPORTER", exporter, "otlp or none")
    protocol = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL"
    )
    if is_wanted and protocol not in (None, "", _PROTOCOL):
        _refuse("OTEL_EXPORTER_OTLP_PROTOCOL", protocol or "", _PROTOCOL)
    return is_wanted


def _refuse(variable: str, value: str, known: str) -> None:
    raise BadInput(
        f"{variable} says {value[:40]!r}, which Haloop does not send.",
        code="telemetry.unsupported",
        next_step=f"Set it to {known}.",
    )


def _nothing(_: Answered) -> None:
    pass

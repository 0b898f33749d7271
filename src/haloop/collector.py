"""Tells an OpenTelemetry collector what the ledger says, once it is durable: spans of runs, and a few figures.

A run is one trace, whose id is the run's own. Its span, and those of its steps, gates and effects, are made from the
ledger's events, with their times, so that a restart in between changes nothing; the requests that changed something
about the run stand beside them. Ids, names from code and codes are told; never an argument, a result, a sentence or
a person's word.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, StatusCode

from haloop.engines.local import LocalEngine
from haloop.engines.reading import read_known
from haloop.kernel.errors import HaloopError
from haloop.kernel.fact import (
    EffectHappened,
    EffectIntended,
    EffectNotDone,
    EffectUncertain,
    Fact,
    GateApproved,
    GateExpired,
    GateOpened,
    GateRefused,
    GateWithdrawn,
    RunEnded,
    RunParked,
    RunStarted,
    StepBegun,
    StepDone,
    StepTried,
)
from haloop.kernel.ids import AccountId, RunId
from haloop.kernel.ledger import Chain, Event
from haloop.logs import Answered
from haloop.store.sqlite import SqliteLedger

log = logging.getLogger("haloop.telemetry")

Attributes = Mapping[str, str | int]

_END_MILLISECONDS = 2_000
"""How long an end waits for a collector that does not answer."""
_KNOWN_RUNS_MAX = 1_000
_PAGE = 100
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
_SECOND = 1_000_000


@asynccontextmanager
async def open_collector(
    *, ledger: SqliteLedger, engine: LocalEngine, version: str, traces: bool, metrics: bool
) -> AsyncIterator[Callable[[Answered], None]]:
    """Send what happens from now on, until the end of the block; what is yielded is to hear of each request."""
    resource = Resource.create({"service.version": version})
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "haloop"}))
    ids = _Ids()
    tracing = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    if traces:
        tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if metrics else []
    metering = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    figures = _Figures(metering.get_meter("haloop", version), engine)
    teller = _Teller(ledger, engine, _Spans(tracing.get_tracer("haloop", version), ids), figures)
    await teller.begin()
    try:
        yield teller.hear
    finally:
        await teller.end()
        await asyncio.gather(
            asyncio.to_thread(tracing.shutdown), asyncio.to_thread(metering.shutdown, _END_MILLISECONDS)
        )


class _Teller:
    """Reads on in each account's tree whenever something is new, as a stream of live events does."""

    def __init__(self, ledger: SqliteLedger, engine: LocalEngine, spans: "_Spans", figures: "_Figures") -> None:
        self._ledger = ledger
        self._engine = engine
        self._spans = spans
        self._figures = figures
        self._bell = asyncio.Event()
        self._is_ending = False
        self._read_to: dict[AccountId, int] = {}
        self._runs: OrderedDict[RunId, _Known] = OrderedDict()
        self._reading: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        for account in await self._ledger.accounts():
            self._read_to[account] = await self._ledger.size(account)
        self._figures.accounts = tuple(self._read_to)
        self._engine.watch(self._ring)
        self._reading = asyncio.create_task(self._read_on())

    async def end(self) -> None:
        """Tell what has happened so far, and no more."""
        self._engine.unwatch(self._ring)
        self._is_ending = True
        self._bell.set()
        if self._reading is not None:
            await self._reading

    def hear(self, answered: Answered) -> None:
        """One request is over."""
        now = self._engine.world.now()
        method = answered.method if answered.method in _METHODS else "_OTHER"
        about: dict[str, str | int] = {"http.request.method": method, "http.response.status_code": answered.status}
        if answered.route:
            about["http.route"] = answered.route
        if answered.code:
            about["error.type"] = answered.code
        self._figures.requests.record(answered.seconds, about)
        self._spans.request(
            answered.run if method not in _SAFE else None,
            f"{method} {answered.route}".rstrip(),
            (now - int(answered.seconds * _SECOND), now),
            {**about, "haloop.request_id": answered.request_id},
        )

    def _ring(self, _account: AccountId, _run: RunId, _fact: Fact) -> None:
        self._bell.set()

    async def _read_on(self) -> None:
        try:
            while not self._is_ending:
                await self._bell.wait()
                self._bell.clear()
                for account in await self._ledger.accounts():
                    await self._read_account(account)
                self._figures.accounts = tuple(self._read_to)
        except HaloopError as error:
            log.warning("no more is told to the collector", extra={"code": error.code})

    async def _read_account(self, account: AccountId) -> None:
        start = self._read_to.get(account, 0)
        while events := await self._ledger.events(account, start=start, limit=_PAGE):
            for event in events:
                await self._tell(event)
            start = self._read_to[account] = events[-1].index + 1

    async def _tell(self, event: Event) -> None:
        chain = Chain(account=event.header.account, run_id=event.header.run_id)
        fact = None if chain.is_own else await read_known(self._ledger, event)
        if fact is None:
            return
        known = await self._known(chain, event)
        for part in _ended(known, fact, event.header.ts):
            self._spans.part(chain.run_id, part)
            self._figures.count(part)
        known.take(fact, event.header.ts)
        if isinstance(fact, RunEnded):
            del self._runs[chain.run_id]

    async def _known(self, chain: Chain, event: Event) -> "_Known":
        """What is known of a run before this event, read again where it began long ago or in another process."""
        if chain.run_id in self._runs:
            self._runs.move_to_end(chain.run_id)
            return self._runs[chain.run_id]
        known = self._runs[chain.run_id] = _Known()
        if event.header.run_seq > 1:
            for earlier in await self._ledger.run(chain):
                fact = await read_known(self._ledger, earlier) if earlier.index < event.index else None
                if fact is not None:
                    known.take(fact, earlier.header.ts)
        if len(self._runs) > _KNOWN_RUNS_MAX:
            self._runs.popitem(last=False)
        return known


@dataclass(slots=True)
class _Known:
    """When what is under way in a run began."""

    name: str = "run"
    newest: int = 0
    """When the run's newest event was."""
    since: dict[str, int] = field(default_factory=dict)

    def take(self, fact: Fact, ts: int) -> None:
        self.newest = ts
        match fact:
            case RunStarted():
                self.name = f"run {fact.desk}.{fact.procedure}"
                self.since["run"] = ts
            case StepBegun():
                self.since[f"step {fact.at}"] = ts
            case StepDone() | StepTried():
                self.since.pop(f"step {fact.at}", None)
            case GateOpened():
                self.since[fact.gate] = ts
            case GateApproved() | GateRefused() | GateExpired() | GateWithdrawn():
                self.since.pop(fact.gate, None)
            case EffectIntended():
                self.since[f"{fact.gate} {fact.effect}"] = ts
            case EffectHappened() | EffectNotDone():
                self.since.pop(f"{fact.gate} {fact.effect}", None)

    def span(self, key: str, ts: int) -> tuple[int, int]:
        """From its beginning; a step that may be repeated records none, and began no earlier than the event before."""
        return self.since.get(key, self.newest or ts), ts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Something in a run that has come to an end."""

    name: str
    span: tuple[int, int]
    about: Attributes
    outcome: str = ""
    has_failed: bool = False
    is_run: bool = False


def _ended(known: _Known, fact: Fact, ts: int) -> Iterable[_Part]:
    """What came to an end with this fact."""
    match fact:
        case StepDone() | StepTried():
            failure = fact.failure if isinstance(fact, StepTried) else ""
            about: dict[str, str | int] = {"haloop.attempt": fact.attempt}
            if failure:
                about["error.type"] = failure
            span = known.span(f"step {fact.at}", ts)
            yield _Part(name=f"step {fact.operation}", span=span, about=about, has_failed=bool(failure))
        case GateApproved() | GateRefused() | GateExpired() | GateWithdrawn():
            verdict = fact.kind.partition(".")[2]
            told = {"haloop.gate": fact.gate, "haloop.verdict": verdict}
            yield _Part(name="gate", span=known.span(fact.gate, ts), about=told, outcome=verdict)
        case EffectHappened() | EffectNotDone() | EffectUncertain():
            outcome = fact.kind.partition(".")[2]
            done: dict[str, str | int] = {"haloop.gate": fact.gate, "haloop.effect": fact.effect}
            done["haloop.outcome"] = outcome
            if isinstance(fact, EffectNotDone):
                done["error.type"] = fact.code
            span = known.span(f"{fact.gate} {fact.effect}", ts)
            failed = not isinstance(fact, EffectHappened)
            yield _Part(name="effect", span=span, about=done, outcome=outcome, has_failed=failed)
        case RunParked():
            yield _Part(name="parked", span=(ts, ts), about={"error.type": fact.code}, has_failed=True)
        case RunEnded():
            ended = {"haloop.code": fact.code}
            yield _Part(name=known.name, span=known.span("run", ts), about=ended, is_run=True)


class _Spans:
    """Spans as they are sent."""

    def __init__(self, tracer: trace.Tracer, ids: "_Ids") -> None:
        self._tracer = tracer
        self._ids = ids

    def request(self, run: RunId | None, name: str, span: tuple[int, int], about: Attributes) -> None:
        has_failed = int(about["http.response.status_code"]) >= 500  # HTTP's own line
        within = Context() if run is None else _within(run)
        self._send(name, within, span, about, kind=SpanKind.SERVER, has_failed=has_failed)

    def part(self, run: RunId, part: _Part) -> None:
        about = {**part.about, "haloop.run": run}
        if part.is_run:
            with self._ids.given(_trace_id(run), _root_id(run)):
                self._send(part.name, Context(), part.span, about)
        else:
            self._send(part.name, _within(run), part.span, about, has_failed=part.has_failed)

    def _send(
        self,
        name: str,
        within: Context,
        span: tuple[int, int],
        about: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        has_failed: bool = False,
    ) -> None:
        begun, ended = (microseconds * 1_000 for microseconds in span)
        sent = self._tracer.start_span(name, within, kind, about, start_time=begun)
        if has_failed:
            sent.set_status(StatusCode.ERROR)
        sent.end(ended)


class _Figures:
    """What is counted and measured."""

    def __init__(self, meter: metrics.Meter, engine: LocalEngine) -> None:
        self._engine = engine
        self.accounts: tuple[AccountId, ...] = ()
        self.requests = meter.create_histogram("http.server.request.duration", "s", "Requests, by route and status")
        self._decisions = meter.create_histogram(
            "haloop.gate.decision.duration", "s", "From a gate's opening to its decision, by verdict"
        )
        self._effects = meter.create_counter("haloop.effects", "{effect}", "Effects, by outcome")
        # Both are read on the SDK's own thread, so nothing but lengths is looked at.
        meter.create_observable_gauge("haloop.gates.open", [self._open_gates], "{gate}", "Gates that wait for somebody")
        meter.create_observable_gauge("haloop.runs.parked", [self._parked], "{run}", "Runs that cannot go on")

    def count(self, part: _Part) -> None:
        begun, ended = part.span
        if part.name == "gate":
            self._decisions.record((ended - begun) / _SECOND, {"haloop.verdict": part.outcome})
        elif part.name == "effect":
            self._effects.add(1, {"haloop.outcome": part.outcome})

    def _open_gates(self, _: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        yield metrics.Observation(sum(len(self._engine.open_gates(account)) for account in self.accounts))

    def _parked(self, _: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        yield metrics.Observation(len(self._engine.parked))


class _Ids(RandomIdGenerator):
    """Ids are drawn, but a run's own span has the one that the spans within it, long sent, name as their parent."""

    def __init__(self) -> None:
        self._given: tuple[int, int] | None = None

    @contextmanager
    def given(self, trace_id: int, span_id: int) -> Iterator[None]:
        self._given = trace_id, span_id
        try:
            yield
        finally:
            self._given = None

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self._given is None else self._given[0]

    def generate_span_id(self) -> int:
        return super().generate_span_id() if self._given is None else self._given[1]


def _within(run: RunId) -> Context:
    root = trace.SpanContext(_trace_id(run), _root_id(run), is_remote=False, trace_flags=trace.TraceFlags(1))
    return trace.set_span_in_context(trace.NonRecordingSpan(root), Context())


def _trace_id(run: RunId) -> int:
    return int(run.removeprefix("run_"), 16)


def _root_id(run: RunId) -> int:
    return int.from_bytes(sha256(run.encode()).digest()[:8])

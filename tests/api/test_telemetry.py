"""What a collector is told: traces from the request to the effect and a few figures, and nothing anybody said."""

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from haloop.api.server import make_app
from haloop.kernel.errors import BadInput
from haloop.serving import bind, served
from haloop.telemetry import Wanted, open_telemetry
from tests.api.conftest import TOKEN, Door, client_of, tea

Told = ExportTraceServiceRequest | ExportMetricsServiceRequest


@dataclass
class Receiver:
    """A collector: it takes what comes by OTLP over HTTP, and reads it."""

    port: int = 0
    bodies: list[Told] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for body in self.bodies
            if isinstance(body, ExportTraceServiceRequest)
            for of_resource in body.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """Each by its name, as it was sent last."""
        return {
            metric.name: metric
            for body in self.bodies
            if isinstance(body, ExportMetricsServiceRequest)
            for of_resource in body.resource_metrics
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
        }

    def named(self, name: str) -> Span:
        (span,) = [span for span in self.spans if span.name == name]
        return span


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    found = Receiver()

    class Reader(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            plain = decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            traces, metrics = ExportTraceServiceRequest.FromString, ExportMetricsServiceRequest.FromString
            found.bodies.append({"/v1/traces": traces, "/v1/metrics": metrics}[self.path](plain))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Reader) as server:
        found.port = server.server_address[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{found.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@asynccontextmanager
async def watched(door: Door, **environment: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The house with another door that a collector hears of."""
    wanted = Wanted.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1"} | environment)
    async with open_telemetry(wanted, ledger=door.practice.ledger, engine=door.practice.engine, version="0") as hear:
        app = make_app(door.house, on_answered=hear)
        async with served(app, bind("127.0.0.1", 0)) as address, client_of(address, TOKEN) as client:
            yield client


async def test_a_trace_leads_from_the_request_to_the_effect(door: Door, receiver: Receiver) -> None:
    """One trace for a run: who asked, its gate until the decision, its effect until the outcome, its end."""
    async with watched(door) as client:
        run = (await client.post("/api/requests", json=tea(item="a private thing"))).json()["run"]
        await door.practice.engine.settled()
        gate = await door.gate(run)
        await client.post(f"/api/gates/{gate['id']}/decisions", json=door.decision(gate))
        await door.practice.engine.settled()
        await client.get(f"/api/runs/{run}")

    whole = receiver.named("run shop.buy_if_asked")
    of_run = [span for span in receiver.spans if span.trace_id.hex() == run.removeprefix("run_")]
    assert sorted(span.name for span in of_run) == [
        "POST /api/gates/{gate}/decisions",
        "POST /api/requests",
        "effect",
        "gate",
        "run shop.buy_if_asked",
    ]
    assert {span.parent_span_id for span in of_run} == {b"", whole.span_id}
    assert whole.parent_span_id == b""
    gate_span, effect_span = receiver.named("gate"), receiver.named("effect")
    assert whole.start_time_unix_nano <= gate_span.start_time_unix_nano <= gate_span.end_time_unix_nano
    assert gate_span.end_time_unix_nano <= effect_span.start_time_unix_nano <= effect_span.end_time_unix_nano
    assert said(gate_span.attributes)["haloop.verdict"] == "approved"
    assert said(effect_span.attributes)["haloop.outcome"] == "happened"
    assert said(effect_span.attributes)["haloop.effect"] == "buy"
    assert receiver.named("GET /api/runs/{run}").trace_id != whole.trace_id
    assert said(receiver.named("GET /api/runs/{run}").attributes)["http.response.status_code"] == 200


async def test_nothing_that_anybody_said_is_told(door: Door, receiver: Receiver) -> None:
    """Not what was asked for, not who decided and why, not what came back, not an address."""
    async with watched(door) as client:
        run = (await client.post("/api/requests?key=opensesame", json=tea(item="a private thing"))).json()["run"]
        await door.practice.engine.settled()
        gate = await door.gate(run)
        refusal = door.decision(gate, "refused", reason="too dear for Ana")
        await client.post(f"/api/gates/{gate['id']}/decisions", json=refusal)
        await client.get("/api/no/ana@example.com", headers={"User-Agent": "a private thing"})

    text = "".join(str(body) for body in receiver.bodies)
    assert "refused" in text
    for word in ("private", "Karl", "dear", "Ana", "ana", door.ana, "opensesame", TOKEN):
        assert word not in text


async def test_a_restart_in_between_changes_nothing(door: Door, receiver: Receiver) -> None:
    """The gate was opened before anybody listened: its span begins when it was, by the ledger."""
    run = await door.asked()
    await door.practice.move(timedelta(hours=3))
    async with watched(door):
        await door.decide(await door.gate(run))

    gate, whole = receiver.named("gate"), receiver.named("run shop.buy_if_asked")
    assert gate.end_time_unix_nano - gate.start_time_unix_nano >= 3 * 3600 * 10**9
    assert gate.parent_span_id == whole.span_id
    assert histogram_sum(receiver.metrics["haloop.gate.decision.duration"]) >= 3 * 3600


async def test_an_effect_that_nobody_knows_of_stands_out(door: Door, receiver: Receiver) -> None:
    """The line broke: the span has failed, and the figure counts it as uncertain."""
    door.shop.fails = True
    async with watched(door):
        await door.decide(await door.gate(await door.asked()))

    effect = receiver.named("effect")
    assert effect.status.code == Status.STATUS_CODE_ERROR
    assert said(effect.attributes)["haloop.outcome"] == "uncertain"
    (counted,) = receiver.metrics["haloop.effects"].sum.data_points
    assert (said(counted.attributes), counted.as_int) == ({"haloop.outcome": "uncertain"}, 1)


async def test_a_step_is_told_by_its_name(door: Door, receiver: Receiver) -> None:
    """A change asks the shop for its price: a span of that step, which begins no earlier than the change was wanted."""
    door.shop.quoting.set()
    order = {**tea(), "procedure": "buy_quoted"}
    async with watched(door) as client:
        run = (await client.post("/api/requests", json=order)).json()["run"]
        await door.practice.engine.settled()
        await door.decide(await door.gate(run), "changed", change=400)

    step = receiver.named("step Shop.quote")
    assert step.trace_id.hex() == run.removeprefix("run_")
    assert step.start_time_unix_nano <= step.end_time_unix_nano
    assert said(step.attributes) == {"haloop.attempt": 1, "haloop.run": run}


async def test_figures_say_what_waits_and_how_requests_ended(door: Door, receiver: Receiver) -> None:
    """Open gates, parked runs, requests by route and status."""
    async with watched(door) as client:
        await door.asked()
        await door.asked()
        await client.get("/api/nothing")
        await client.get("/api/status")

    (gates,) = receiver.metrics["haloop.gates.open"].gauge.data_points
    (parked,) = receiver.metrics["haloop.runs.parked"].gauge.data_points
    assert (gates.as_int, parked.as_int) == (2, 0)
    answered = [said(one.attributes) for one in receiver.metrics["http.server.request.duration"].histogram.data_points]
    assert {"http.request.method": "GET", "http.route": "/api/status", "http.response.status_code": 200} in answered
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "error.type": "request.no_such_address",
    } in answered


async def test_only_what_is_wanted_is_sent(door: Door, receiver: Receiver) -> None:
    """Traces can be asked for without figures."""
    async with watched(door, OTEL_METRICS_EXPORTER="none") as client:
        await client.get("/api/status")
    assert receiver.spans
    assert receiver.metrics == {}


async def test_nothing_is_sent_unless_somebody_asks(door: Door, receiver: Receiver) -> None:
    """Off by default, and off again by the variable that says so."""
    off = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1"}
    for environment in ({}, {"OTEL_SERVICE_NAME": "x"}, {"OTEL_TRACES_EXPORTER": "none"}, off):
        wanted = Wanted.read(environment)
        assert (wanted.traces, wanted.metrics) == (False, False)
        async with open_telemetry(wanted, ledger=door.practice.ledger, engine=door.practice.engine, version="0"):
            await door.asked()
    assert receiver.bodies == []


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_METRICS_EXPORTER": "prometheus"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(environment: dict[str, str]) -> None:
    """Another exporter or protocol is told, not left out in silence."""
    with pytest.raises(BadInput) as refused:
        Wanted.read(environment)
    assert refused.value.code == "telemetry.unsupported"


async def test_what_is_not_installed_is_told_in_a_sentence(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody asks for traces, and the extra is not there."""
    monkeypatch.delitem(sys.modules, "haloop.collector", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    with pytest.raises(BadInput, match="not installed") as refused:
        async with watched(door):
            pass
    assert "haloop-app[otel]" in refused.value.next_step


def said(attributes: Iterator[KeyValue]) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in attributes}


def histogram_sum(metric: Metric) -> float:
    (point,) = metric.histogram.data_points
    return float(point.sum)

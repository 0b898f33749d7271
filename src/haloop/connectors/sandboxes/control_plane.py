"""A cluster's API, as far as sandboxes ask it: the one module that knows how its library is called.

Everything is asked without a thread of its own, so that what is watched for as long as an agent works costs nothing
and ends at once where nobody wants it any more.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Self, TypeVar

from aiohttp import ClientError, ClientWebSocketResponse, WSServerHandshakeError
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, BatchV1Api, Configuration, CoreV1Api, NetworkingV1Api
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.stream import WsApiClient
from kubernetes_asyncio.watch import Watch

from haloop.connectors.sandboxes.cluster import CONTAINER, NO_NETWORK, POLICY, START_SECONDS, Cluster
from haloop.connectors.sandboxes.pod import Pod
from haloop.connectors.sandboxes.pod_streams import PROTOCOL
from haloop.ports.sandboxes import INSTANCE_LABEL, CannotStart, NotStarted

T = TypeVar("T")

_WATCH_SECONDS = 240
"""After which a cluster is asked to watch once more; what it never answers is noticed a minute later."""
_ANSWER_SECONDS = 60
_GONE_SECONDS = 120
_LOOK_SECONDS = 0.2
_NOT_THERE, _TOO_OLD = 404, 410
_NOT_NOW = {408, 409, _TOO_OLD, 429}
_REFUSED = range(400, 500)


class ControlPlane:
    """The calls, in one namespace."""

    def __init__(self, cluster: Cluster, reached: Configuration) -> None:
        self._namespace = cluster.namespace
        self._client, self._streaming = ApiClient(reached), WsApiClient(reached)
        self._streaming.set_default_header("sec-websocket-protocol", PROTOCOL)

    @classmethod
    async def of(cls, cluster: Cluster) -> Self:
        """Find out how it is reached; nobody is asked yet."""
        reached = Configuration()
        reached.client_side_validation = False  # a later cluster's answers may have other shapes than the library's
        file = str(cluster.config) if cluster.config else None
        try:
            await config.load_kube_config(file, context=cluster.context or None, client_configuration=reached)
        except ConfigException as error:
            if file or cluster.context:
                raise CannotStart(f"It is not known how to reach the cluster: {error}.") from error
            _from_within(reached)
        return cls(cluster, reached)

    async def close(self) -> None:
        await self._client.close()
        await self._streaming.close()

    async def require_no_network(self) -> None:
        """CannotStart unless the cluster was told that our pods have none; it does not say whether it keeps to that."""
        policies = NetworkingV1Api(self._client)
        policy = await self._read(policies.read_namespaced_network_policy(POLICY, self._namespace))
        told = (policy or {}).get("spec", {})
        if {name: told.get(name) for name in ("podSelector", "policyTypes", "ingress", "egress")} != {
            "ingress": None,
            "egress": None,
            **NO_NETWORK,
        }:
            raise CannotStart(
                f"The namespace {self._namespace} has no policy {POLICY} that keeps programs from the network: "
                "apply deploy/kubernetes/sandboxes.yaml."
            )

    async def create(self, job: Any) -> None:  # noqa: ANN401
        """Tell it of a Job, in its own spelling, which the library sends as it is."""
        await self._asked(BatchV1Api(self._client).create_namespaced_job(self._namespace, job))

    async def jobs(self, instance: str) -> Sequence[Mapping[str, Any]]:
        """Those of a home."""
        label = f"{INSTANCE_LABEL}={instance}"
        listed = await self._asked(BatchV1Api(self._client).list_namespaced_job(self._namespace, label_selector=label))
        return self._plain(listed)["items"]  # type: ignore[no-any-return]

    async def end(self, pod: str, *, within_seconds: int) -> None:
        """Ask a pod to end, and end it by then. None at all would forget it while it may still be at work."""
        core = CoreV1Api(self._client)
        await self._read(core.delete_namespaced_pod(pod, self._namespace, grace_period_seconds=max(1, within_seconds)))

    async def remove(self, job: str) -> None:
        """Take a Job away, and wait until nothing of it is at work."""
        batch = BatchV1Api(self._client)
        await self._read(batch.delete_namespaced_job(job, self._namespace, propagation_policy="Foreground"))
        try:
            async with asyncio.timeout(_GONE_SECONDS):
                while await self._is_there(job):  # noqa: ASYNC110  # a cluster that is asked may be another each time
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise NotStarted(f"The cluster does not take away {job}.") from error

    async def begun(self, job: str) -> Pod:
        """Wait until a Job's container runs; CannotStart, in the cluster's words, where it never will."""
        seen: Pod | None = None
        try:
            async with asyncio.timeout(START_SECONDS), aclosing(self._seen(job)) as pods:
                async for seen in pods:
                    if seen is None:
                        continue
                    if seen.over is not None or seen.never_begins:
                        raise CannotStart(seen.said_last or seen.waits_for or "Its container ended at once.")
                    if seen.is_running:
                        return seen
        except TimeoutError as error:
            why = seen.waits_for if seen else "it made no pod"
            raise NotStarted(f"The cluster did not start it in {START_SECONDS} seconds: {why}.") from error
        raise AssertionError("what is seen of a Job does not end")

    async def ended(self, job: str) -> Pod | None:
        """Wait until the pod of a Job has; None where it is gone."""
        async with aclosing(self._seen(job)) as pods:
            async for pod in pods:
                if pod is None or pod.over is not None:
                    return pod
        raise AssertionError("what is seen of a Job does not end")

    async def _seen(self, job: str) -> AsyncGenerator[Pod | None, None]:
        """How the pod of a Job stands, now and whenever that changes, without an end; None where there is none."""
        while True:
            pods, version = await self._pods(job)
            if not pods:
                yield None
            for pod in pods:
                yield pod
            try:
                async with aclosing(self._changes(job, version)) as changes:
                    async for pod in changes:
                        yield pod
            except ApiException as error:
                if error.status != _TOO_OLD:
                    raise _fault(error) from error
            except (ClientError, OSError, TimeoutError) as error:
                raise NotStarted(f"The cluster does not answer: {error}.") from error

    async def streams(self, pod: str) -> ClientWebSocketResponse:
        """A connection to what the container of a pod says and hears."""
        wanted: dict[str, Any] = {"container": CONTAINER, "stdin": True, "stdout": True, "stderr": True, "tty": False}
        core = CoreV1Api(self._streaming)
        asked: Any = core.connect_get_namespaced_pod_attach(pod, self._namespace, **wanted, _preload_content=False)
        try:
            connection: ClientWebSocketResponse = await self._asked(_awaited_twice(asked))
        except WSServerHandshakeError as error:
            raise CannotStart(
                f"The cluster does not hand over what {pod} says: {error.status}. It takes 1.30."
            ) from error
        return connection

    async def _changes(self, job: str, version: str) -> AsyncGenerator[Pod, None]:
        async with Watch("object") as watch:
            changes = watch.stream(
                CoreV1Api(self._client).list_namespaced_pod,
                self._namespace,
                label_selector=f"job-name={job}",
                resource_version=version,
                timeout_seconds=_WATCH_SECONDS,
                _request_timeout=_WATCH_SECONDS + _ANSWER_SECONDS,
            )
            async for change in changes:
                if change["type"] != "BOOKMARK":
                    yield Pod.of(change["raw_object"], is_gone=change["type"] == "DELETED")

    async def _is_there(self, job: str) -> bool:
        """The Job, or a pod of it that is at work still."""
        there = await self._read(BatchV1Api(self._client).read_namespaced_job(job, self._namespace))
        return bool(there or (await self._pods(job))[0])

    async def _pods(self, job: str) -> tuple[list[Pod], str]:
        core = CoreV1Api(self._client)
        listed = await self._asked(core.list_namespaced_pod(self._namespace, label_selector=f"job-name={job}"))
        said = self._plain(listed)
        return [Pod.of(one) for one in said["items"]], said["metadata"]["resourceVersion"]

    async def _read(self, asked: Awaitable[Any]) -> dict[str, Any] | None:
        """What there is; None where it is not there."""
        try:
            return self._plain(await self._asked(asked))
        except _NotThere:
            return None

    def _plain(self, answer: object) -> dict[str, Any]:
        said: dict[str, Any] = self._client.sanitize_for_serialization(answer)
        return said

    async def _asked(self, asked: Awaitable[T]) -> T:
        """Tell what will not work from what may work in a moment."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asked
        except ApiException as error:
            raise _fault(error) from error
        except WSServerHandshakeError:
            raise
        except (ClientError, OSError, TimeoutError) as error:
            raise NotStarted(f"The cluster does not answer: {error}.") from error


class _NotThere(CannotStart):
    """The cluster has no such thing."""


def _from_within(reached: Configuration) -> None:
    try:
        config.load_incluster_config(client_configuration=reached)
    except ConfigException as error:
        raise CannotStart("There is no cluster: kubectl knows none here, and Haloop does not run in one.") from error


def _fault(error: ApiException) -> CannotStart | NotStarted:
    said = f"The cluster says: {_words(error)}."
    if error.status == _NOT_THERE:
        return _NotThere(said)
    return CannotStart(said) if error.status in _REFUSED and error.status not in _NOT_NOW else NotStarted(said)


def _words(error: ApiException) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(error.body or b"")["message"]).rstrip(".")
    return f"{error.status} {error.reason}"


async def _awaited_twice(asked: Awaitable[Awaitable[T]]) -> T:
    return await (await asked)

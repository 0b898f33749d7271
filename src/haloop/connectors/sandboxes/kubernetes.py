"""Kubernetes: a Job for each program, on a volume that the cluster and we share.

A Job's name follows from its home and its sandbox, so nothing is there twice. What runs outlives us, for as long as
its deadline lets it; it carries the label of its home, and the next start removes it.
"""

import asyncio
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from haloop.connectors.sandboxes.cluster import NAME, USER, Cluster, job, job_name
from haloop.connectors.sandboxes.control_plane import ControlPlane
from haloop.connectors.sandboxes.folder import hand_over
from haloop.connectors.sandboxes.pod_streams import PodStreams
from haloop.connectors.sandboxes.streams import until_quiet
from haloop.connectors.sandboxes.watching import exceeded, found
from haloop.ports.sandboxes import CannotStart, End, Left, Network, NotStarted, Over, Work

_UNHEARD_MAX = 30
_UNHEARD_SECONDS = 1.0
"""So often a cluster may not answer how a pod stands or hear that it is to end, and so long we wait to ask again."""
_BEGIN_SECONDS = 30
_KILLED = 137
_SAID_SECONDS = 5.0
"""What a program said last may come so much later than its end, or than what came before."""


class Kubernetes:
    """Sandboxes of one home, in one cluster."""

    name = "kubernetes"
    networks = frozenset({Network.NONE})

    def __init__(self, cluster: Cluster, instance: str) -> None:
        self._cluster = cluster
        self._instance = instance
        self._reached: ControlPlane | None = None
        self._at_work: dict[str, InKubernetes] = {}

    async def start(self, work: Work) -> "InKubernetes":
        told = job(work, self._cluster, self._instance)
        plane = await self._plane()
        await plane.require_no_network()
        await self.remove(work.name)
        if os.geteuid() == 0:
            hand_over(work.folder, USER)
        try:
            await plane.create(told)
            sandbox = await InKubernetes.begun(work, told["metadata"]["name"], plane)
        except BaseException:
            with suppress(NotStarted, CannotStart):
                await self.remove(work.name)
            raise
        self._at_work[work.name] = sandbox
        return sandbox

    async def left(self) -> Sequence[Left]:
        plane = await self._plane()
        abouts = [(one["metadata"], one.get("status") or {}) for one in await plane.jobs(self._instance)]
        return [
            Left(
                id=about["name"],
                name=about["annotations"][NAME],
                labels=about["labels"],
                is_running=bool(status.get("active")),
            )
            for about, status in abouts
        ]

    async def remove(self, name: str) -> None:
        sandbox = self._at_work.pop(name, None)
        try:
            if sandbox is not None:
                await sandbox.stop(patience=timedelta())
        finally:
            await (await self._plane()).remove(job_name(self._instance, name))

    async def check(self) -> None:
        with TemporaryDirectory(prefix="haloop-sandbox-", dir=self._cluster.mounted()) as folder:
            name = f"check-{token_hex(4)}"
            try:
                await (await self.start(Work(name=name, labels={}, command=("true",), folder=Path(folder)))).over()
            finally:
                await self.remove(name)

    async def aclose(self) -> None:
        """Let go of the connections; what runs, runs on."""
        if self._reached is not None:
            await self._reached.close()

    async def _plane(self) -> ControlPlane:
        if self._reached is None:
            self._reached = await ControlPlane.of(self._cluster)
        return self._reached


class InKubernetes:
    """One Job at work."""

    def __init__(self, work: Work, job: str, pod: str, plane: ControlPlane, streams: PodStreams) -> None:
        self.id = job
        self.talks, self.complains, self.hears = streams.talks, streams.complains, streams.hears
        self._work = work
        self._pod = pod
        self._plane = plane
        self._streams = streams
        self._why: End | None = None
        self._life = asyncio.create_task(self._live())

    @classmethod
    async def begun(cls, work: Work, job: str, plane: ControlPlane) -> "InKubernetes":
        """Hear it before it begins, and let it."""
        pod = await plane.begun(job)
        connection = await plane.streams(pod.name)
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                streams = await PodStreams.begun(connection)
        except (EOFError, TimeoutError, OSError) as error:
            await connection.close()
            ended = await plane.ended(job) if isinstance(error, EOFError) else None
            raise CannotStart((ended and ended.said_last) or "It ended before its program began.") from error
        return cls(work, job, pod.name, plane, streams)

    async def over(self) -> Over:
        return await asyncio.shield(self._life)

    async def stop(self, *, patience: timedelta = timedelta(seconds=2)) -> Over:
        if not self._life.done():
            self._why = self._why or End.STOPPED
            await self._end(patience)
        return await self.over()

    async def _live(self) -> Over:
        """Until nothing of it runs, whichever comes first: its own end, ours, or a limit."""
        gone, watch = asyncio.create_task(self._gone()), asyncio.create_task(exceeded(self._work))
        try:
            await asyncio.wait([gone, watch], return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                self._why = self._why or found(watch)
                await self._end(timedelta())
            over = await gone
            await until_quiet(self._streams.ended, lambda: self._streams.heard_bytes, _SAID_SECONDS)
        finally:
            watch.cancel()
            gone.cancel()
            await self._streams.hang_up()
        with suppress(NotStarted, CannotStart):  # whoever removes its name asks once more, and so does the next start
            await self._plane.remove(self.id)
        return over if self._why is None else Over(end=self._why, exit_code=_own(over.exit_code))

    async def _gone(self) -> Over:
        """Wait until it has ended; a cluster that does not answer is asked again."""
        unheard = 0
        while True:
            try:
                pod = await self._plane.ended(self.id)
            except (NotStarted, CannotStart):
                unheard += 1
                if unheard > _UNHEARD_MAX:
                    raise
                await asyncio.sleep(_UNHEARD_SECONDS)
            else:
                return pod.over if pod and pod.over else Over(end=End.STOPPED, exit_code=None)

    async def _end(self, patience: timedelta) -> None:
        """Ask until the cluster hears it; one that never does ends it by its deadline."""
        for _ in range(_UNHEARD_MAX):
            try:
                await self._plane.end(self._pod, within_seconds=math.ceil(patience.total_seconds()))
            except NotStarted:
                await asyncio.sleep(_UNHEARD_SECONDS)
            else:
                return


def _own(code: int | None) -> int | None:
    """The exit code that it gave itself, and not we by ending it."""
    return None if code == _KILLED else code

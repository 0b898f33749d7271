"""A cluster of the tests' own: it speaks as much of Kubernetes' API as sandboxes use, and runs a pod's container.

What it is asked is kept, and it answers in the shapes of a real one. A container is a process in namespaces of its
own, with the volume's sub path where the Job says, and no limits: it is no sandbox, and says nothing about one.
"""

import asyncio
import json
import os
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from haloop.connectors.sandboxes.cluster import NO_NETWORK, POLICY, Cluster

NAMESPACE = "haloop-sandboxes"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
_KILLED = 128 + signal.SIGKILL


@dataclass(slots=True)
class Pod:
    """One, and the process that its container is."""

    said: dict[str, Any]
    process: Process
    first: int
    """The container's own first process."""
    left: Path
    """Where it may leave why it ended."""
    ending: asyncio.Task[None] | None = None


@dataclass
class OwnCluster:
    """All that it knows, and how it answers."""

    volume: Path
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    """Those whose container was started."""
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    """All pods, as they stand."""
    policy: dict[str, Any] | None = field(default_factory=lambda: {"spec": NO_NETWORK})
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    """Each call: its method, its path with the query, and its body."""
    amiss: dict[tuple[str, str], list[web.Response]] = field(default_factory=dict)
    """What is answered instead, once each, by method and path."""
    starts: bool = True
    """Whether its containers are ever started."""
    makes_pods: bool = True
    changes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    too_old: int = 0
    """So many times a watch is told that what it knows is too old."""
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._noticed])
        app.router.add_get(f"{POLICIES}/{{name}}", self._policy)
        app.router.add_post(JOBS, self._create)
        app.router.add_get(JOBS, self._list_jobs)
        app.router.add_get(f"{JOBS}/{{name}}", self._job)
        app.router.add_delete(f"{JOBS}/{{name}}", self._remove_job)
        app.router.add_get(PODS, self._list_pods)
        app.router.add_delete(f"{PODS}/{{name}}", self._remove_pod)
        app.router.add_get(f"{PODS}/{{name}}/attach", self._attach)
        return app

    async def close(self) -> None:
        for pod in list(self.pods.values()):
            _signal(pod.first, signal.SIGKILL)
            await pod.process.wait()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @web.middleware
    async def _noticed(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs, await request.json() if request.can_read_body else None))
        instead = self.amiss.get((request.method, request.path))
        answer: web.StreamResponse = instead.pop(0) if instead else await handler(request)
        return answer

    async def _policy(self, request: web.Request) -> web.Response:
        return web.json_response(self.policy) if self.policy and request.match_info["name"] == POLICY else not_found()

    async def _create(self, request: web.Request) -> web.Response:
        job = await request.json()
        name = job["metadata"]["name"]
        if name in self.jobs:
            return status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.jobs[name] = {**job, "status": {"active": 1}}
        if self.makes_pods:
            self._later(self._run(job))
        return web.json_response(job, status=201)

    async def _list_jobs(self, request: web.Request) -> web.Response:
        wanted = _selected(request)
        items = [one for one in self.jobs.values() if wanted.items() <= one["metadata"]["labels"].items()]
        return web.json_response({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {}, "items": items})

    async def _job(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["name"])
        return web.json_response(job) if job else not_found()

    async def _remove_job(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.jobs:
            return not_found()
        assert request.query["propagationPolicy"] == "Foreground"
        self._later(self._foreground(name))
        return web.json_response(self.jobs[name])

    async def _foreground(self, name: str) -> None:
        """The Job goes after its pods."""
        grace = self.jobs[name]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for pod in [one for one in self.pods.values() if one.said["metadata"]["labels"]["job-name"] == name]:
            await self.end(pod, grace)
        for said in [one for one in self.shown.values() if one["metadata"]["labels"]["job-name"] == name]:
            await self._forget(said)
        self.jobs.pop(name, None)

    async def _remove_pod(self, request: web.Request) -> web.Response:
        pod = self.pods.get(request.match_info["name"])
        if pod is None:
            return not_found()
        grace = int(request.query["gracePeriodSeconds"])
        assert grace > 0, "a pod would be forgotten before it has ended"
        self._later(self.end(pod, grace))
        return web.json_response(pod.said)

    async def end(self, pod: Pod, grace: int) -> None:
        """Ask it, end it, and only then forget it."""
        pod.said["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        _signal(pod.first, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await pod.process.wait()
        _signal(pod.first, signal.SIGKILL)
        assert pod.ending is not None
        await pod.ending
        if self.pods.pop(pod.said["metadata"]["name"], None):
            await self._forget(pod.said)

    async def _forget(self, said: dict[str, Any]) -> None:
        del self.shown[said["metadata"]["name"]]
        await self._changed("DELETED", said)

    async def _list_pods(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._watch(request)
        wanted = _selected(request)
        items = [one for one in self.shown.values() if wanted.items() <= one["metadata"]["labels"].items()]
        about = {"resourceVersion": str(len(self.changes))}
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": about, "items": items})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        at, wanted = int(request.query["resourceVersion"]), _selected(request)
        answer = web.StreamResponse()
        await answer.prepare(request)
        if self.too_old:
            self.too_old -= 1
            gone = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}
            await answer.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return answer
        with suppress(ConnectionError):
            while True:
                for kind, said in self.changes[at:]:
                    if wanted.items() <= said["metadata"]["labels"].items():
                        await answer.write(json.dumps({"type": kind, "object": said}).encode() + b"\n")
                at = len(self.changes)
                async with self.news:
                    await self.news.wait_for(lambda: len(self.changes) > at)  # noqa: B023  # awaited here
        return answer

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        wanted = {"container": "program", "stdin": "True", "stdout": "True", "stderr": "True", "tty": "False"}
        assert dict(request.query) == wanted, dict(request.query)
        answer = web.WebSocketResponse(protocols=["v5.channel.k8s.io"])
        await answer.prepare(request)
        process = self.pods[request.match_info["name"]].process
        hears = asyncio.create_task(_hears(answer, process))
        assert process.stdout is not None
        assert process.stderr is not None
        with suppress(ConnectionError):
            await asyncio.gather(_says(answer, 1, process.stdout), _says(answer, 2, process.stderr))
            await answer.send_bytes(b"\x03" + json.dumps({"kind": "Status", "status": "Success"}).encode())
            await answer.close()
        hears.cancel()
        return answer

    async def _run(self, job: dict[str, Any]) -> None:
        """A pod for the Job, until it has ended."""
        name, template = job["metadata"]["name"], job["spec"]["template"]
        labels = {**template["metadata"]["labels"], "job-name": name}
        said: dict[str, Any] = {
            "kind": "Pod",
            "metadata": {"name": f"{name}-x7k2p", "labels": labels, "resourceVersion": "1"},
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        if not self.starts:
            await self._state(said, "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
            return
        pod = await self._started(said)
        self.pods[said["metadata"]["name"]] = pod
        pod.ending = asyncio.create_task(self._until_over(pod))
        await self._state(said, "Running", {"running": {}})
        await pod.ending

    async def _started(self, said: dict[str, Any]) -> Pod:
        left = Path(tempfile.mkstemp(dir=self.volume.parent)[1])
        told, telling = os.pipe()
        process = await asyncio.create_subprocess_exec(
            "bwrap",
            *(
                "--info-fd",
                str(telling),
                *_view(said["spec"], self.volume),
                "--bind",
                str(left),
                "/dev/termination-log",
            ),
            *(word.replace("$$", "$") for word in said["spec"]["containers"][0]["command"]),
            pass_fds=(telling,),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        os.close(telling)
        with os.fdopen(told) as info:
            first = json.loads(await asyncio.to_thread(info.read))["child-pid"]
        return Pod(said, process, first, left)

    async def _until_over(self, pod: Pod) -> None:
        code = await pod.process.wait()
        ended: dict[str, Any] = {"exitCode": code if code >= 0 else _KILLED, "reason": "Error" if code else "Completed"}
        if message := pod.left.read_text():
            ended["message"] = message
        pod.left.unlink()
        with suppress(KeyError):
            self.jobs[pod.said["metadata"]["labels"]["job-name"]]["status"] = {"failed": 1}
        await self._state(pod.said, "Failed" if code else "Succeeded", {"terminated": ended})

    async def _state(self, said: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        about = {"name": "program", "image": "i", "imageID": "", "ready": phase == "Running", "restartCount": 0}
        said["status"] = {"phase": phase, "containerStatuses": [{**about, "state": state}]}
        self.shown[said["metadata"]["name"]] = said
        await self._changed("MODIFIED", said)

    async def _changed(self, kind: str, said: dict[str, Any]) -> None:
        async with self.news:
            self.changes.append((kind, json.loads(json.dumps(said))))
            self.news.notify_all()

    def _later(self, doing: Any) -> None:
        task = asyncio.create_task(doing)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[tuple[OwnCluster, Cluster]]:
    """One that answers, and how it is reached; its volume is `home/missions`."""
    volume = folder / "home" / "missions"
    volume.mkdir(parents=True, exist_ok=True)
    known = OwnCluster(volume)
    runner = web.AppRunner(known.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield known, Cluster(config=_config(folder, port), claim="missions", volume=volume)
    finally:
        await known.close()
        await runner.cleanup()


def status(code: int, reason: str, message: str) -> web.Response:
    """How a cluster says no."""
    said = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(said, status=code)


def not_found() -> web.Response:
    return status(404, "NotFound", "it is not there")


def _config(folder: Path, port: int) -> Path:
    """As kubectl keeps it."""
    path = folder / "kubeconfig"
    named = {"name": "tests"}
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "clusters": [{**named, "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{**named, "user": {"token": "t"}}],
        "contexts": [{**named, "context": {"cluster": "tests", "user": "tests"}}],
    }
    path.write_text(json.dumps(said))
    return path


def _selected(request: web.Request) -> dict[str, str]:
    name, _, value = request.query["labelSelector"].partition("=")
    return {name: value}


def _view(spec: dict[str, Any], volume: Path) -> list[str]:
    """The container's mounts and environment, in bubblewrap's words."""
    (container,) = spec["containers"]
    words = ["--unshare-pid", "--as-pid-1", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--dev", "/dev"]
    words += [word for name in ("bin", "lib", "lib64") for word in ("--symlink", f"usr/{name}", f"/{name}")]
    words += ["--proc", "/proc", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin"]
    for mount in container["volumeMounts"]:
        if mount["name"] == "missions":
            how = "--ro-bind" if mount.get("readOnly") else "--bind"
            words += [how, str(volume / mount["subPath"]), mount["mountPath"]]
        else:
            words += ["--tmpfs", mount["mountPath"]]
    for variable in container["env"]:
        words += ["--setenv", variable["name"], variable["value"].replace("$$", "$")]
    return [*words, "--chdir", container["workingDir"]]


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


async def _says(answer: web.WebSocketResponse, channel: int, stream: asyncio.StreamReader) -> None:
    while piece := await stream.read(1 << 15):
        await answer.send_bytes(bytes([channel]) + piece)


async def _hears(answer: web.WebSocketResponse, process: Process) -> None:
    assert process.stdin is not None
    async for message in answer:
        assert message.type is WSMsgType.BINARY
        with suppress(ConnectionError):
            if message.data[0] == 255:
                process.stdin.close()
            else:
                process.stdin.write(message.data[1:])
                await process.stdin.drain()

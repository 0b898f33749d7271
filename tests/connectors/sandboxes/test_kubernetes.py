"""Kubernetes alone: what a cluster is asked, byte for byte, and what it may answer."""

import asyncio
import json
import os
import re
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from haloop.connectors.sandboxes import control_plane
from haloop.connectors.sandboxes.cluster import NO_NETWORK, POLICY, Cluster, job
from haloop.connectors.sandboxes.kubernetes import Kubernetes
from haloop.connectors.sandboxes.pod import Pod
from haloop.connectors.sandboxes.sweeping import remove_all
from haloop.ports.sandboxes import CannotStart, End, Limits, Network, NotStarted, Over, Work
from tests.connectors.sandboxes.cluster import JOBS, PODS, OwnCluster, status
from tests.connectors.sandboxes.outside import ENDLESS, OURS, SECONDS_MAX, Place

CALLS = Path(__file__).parent / "kubernetes_calls.json"
"""All that a cluster is asked from a program's start to its removal, and what a Job says."""
MANIFEST = Path(__file__).parents[3] / "deploy" / "kubernetes" / "sandboxes.yaml"
VERSION = re.compile("(?<=resourceVersion)=[0-9]+")
NOBODY = "http://127.0.0.1:9"
CONFIG = {
    "current-context": "away",
    "clusters": [{"name": "away", "cluster": {"server": NOBODY}}],
    "users": [{"name": "away", "user": {}}],
    "contexts": [{"name": "away", "context": {"cluster": "away", "user": "away"}}],
}
Known = tuple[OwnCluster, Cluster]


async def test_a_cluster_is_asked_what_is_written_down(known_cluster: Known, folder: Path) -> None:
    """Each call of one program's life, its path and its body are those that were read and found right."""
    known, reached = known_cluster
    (folder.parent / "tools").mkdir()
    limits = Limits(memory_bytes=1 << 30, processors=0.5, file_bytes=1 << 20, time=timedelta(minutes=1))
    async with aclosing(Kubernetes(reached, "0123456789ab")) as sandboxes:
        place = Place(sandboxes, folder, "example.org/agents:1", {"/tools": folder.parent / "tools"})
        sandbox = await place.start("read line", environment={"GIVEN": "$(HOME)"}, limits=limits)
        async with asyncio.timeout(SECONDS_MAX):
            while not any("watch=" in path for _, path, _ in known.asked):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        await sandboxes.left()
        await sandbox.stop(patience=timedelta(seconds=5))

    assert distinct(known.asked) == json.loads(CALLS.read_text())


def distinct(asked: list[tuple[str, str, Any]]) -> list[Any]:
    """Each call once: how often a cluster is looked at, and what it counted by then, is up to its pace."""
    user, group = os.geteuid() or 1000, os.getegid() or 1000
    said = {json.dumps([method, VERSION.sub("=1", path), body]) for method, path, body in asked}
    plain = [one.replace(f'"runAsUser": {user}', '"runAsUser": 1000') for one in sorted(said)]
    return [json.loads(one.replace(f'"runAsGroup": {group}', '"runAsGroup": 1000')) for one in plain]


async def test_what_is_given_is_not_rewritten_by_the_cluster(kubernetes: Place) -> None:
    """A cluster fills in what is written as $(NAME); a program is told what it was to be told."""
    ran = await kubernetes.run("printf %s \"$GIVEN\"; printf %s '$(HOME)$$'", environment={"GIVEN": "$(HOME)$$"})

    assert ran.said == "$(HOME)$$" * 2


async def test_one_that_is_there_already_is_not_started_beside(known_cluster: Known, kubernetes: Place) -> None:
    """Where somebody else starts the same name at the same time, the cluster says so, and ours begins nothing."""
    known, _ = known_cluster
    known.amiss["POST", JOBS] = [status(409, "AlreadyExists", 'jobs.batch "haloop" already exists')]

    with pytest.raises(NotStarted, match="already exists"):
        await kubernetes.start(ENDLESS)

    assert known.pods == {}


@pytest.mark.parametrize(
    ("code", "fault"), [(403, CannotStart), (422, CannotStart), (429, NotStarted), (500, NotStarted)]
)
async def test_a_cluster_that_says_no_is_heard(
    known_cluster: Known, kubernetes: Place, code: int, fault: type[Exception]
) -> None:
    """What will not work is told from what may work in a moment, in the cluster's own words."""
    known, _ = known_cluster
    known.amiss["POST", JOBS] = [status(code, "Whatever", "exceeded quota: sandboxes")]

    with pytest.raises(fault, match="The cluster says: exceeded quota: sandboxes"):
        await kubernetes.start(ENDLESS)


async def test_a_watch_that_is_too_old_is_begun_again(known_cluster: Known, kubernetes: Place) -> None:
    """A cluster that no longer knows what we knew is asked how it stands now."""
    known, _ = known_cluster
    known.too_old = 2

    ran = await kubernetes.run("echo said; sleep 0.5; exit 3")

    assert (ran.said, ran.over) == ("said\n", Over(end=End.EXITED, exit_code=3))
    assert known.too_old == 0


async def test_a_cluster_that_is_away_for_a_moment_is_asked_again(known_cluster: Known, kubernetes: Place) -> None:
    """A program works on while nobody answers how it stands, or that it is to end."""
    known, _ = known_cluster
    sandbox = await kubernetes.start(ENDLESS)
    pod = next(iter(known.pods))
    known.amiss["DELETE", f"{PODS}/{pod}"] = [status(503, "ServiceUnavailable", "etcd leader changed")]
    known.amiss["GET", PODS] = [status(500, "InternalError", "etcd leader changed") for _ in range(2)]

    async with asyncio.timeout(SECONDS_MAX):
        over = await sandbox.stop(patience=timedelta())

    assert over == Over(end=End.STOPPED, exit_code=None)


async def test_a_pod_that_somebody_takes_away_was_stopped(known_cluster: Known, kubernetes: Place) -> None:
    """A machine that is emptied ends a program before its time; nobody takes that for its own end."""
    known, _ = known_cluster
    sandbox = await kubernetes.start(f"echo ready; {ENDLESS}")
    await sandbox.talks.readline()

    (pod,) = known.pods.values()
    await known.end(pod, grace=1)

    assert (await sandbox.over()).end is End.STOPPED


async def test_an_image_that_cannot_be_had_is_said(known_cluster: Known, kubernetes: Place) -> None:
    """A container that waits for what does not come cannot start, in the cluster's words, and nothing is left of it."""
    known, _ = known_cluster
    known.starts = False

    with pytest.raises(CannotStart, match="ImagePullBackOff: no such image"):
        await kubernetes.start("true", image="nowhere/nothing:1")

    assert known.jobs == {}


async def test_a_cluster_without_room_does_not_keep_us_waiting(
    known_cluster: Known, kubernetes: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it makes no pod in time, that is said, and nothing waits there to begin later."""
    known, _ = known_cluster
    known.makes_pods = False
    monkeypatch.setattr(control_plane, "START_SECONDS", 0.3)

    with pytest.raises(NotStarted, match="it made no pod"):
        await kubernetes.start("true")

    assert known.jobs == {}


@pytest.mark.parametrize(
    "policy",
    [None, {"spec": {**NO_NETWORK, "egress": [{}]}}, {"spec": {**NO_NETWORK, "policyTypes": ["Ingress"]}}],
    ids=["none", "all may leave", "only what comes in"],
)
async def test_without_its_policy_nothing_starts(known_cluster: Known, kubernetes: Place, policy: Any) -> None:
    """A namespace that does not keep programs from the network starts none, and what to do is said."""
    known, _ = known_cluster
    known.policy = policy

    with pytest.raises(CannotStart, match=r"apply deploy/kubernetes/sandboxes\.yaml"):
        await kubernetes.start("true")

    assert known.jobs == {}


def test_the_policy_that_ships_is_the_one_that_is_asked_for() -> None:
    """What is applied by hand is what is looked for, for the pods that we make."""
    (policy,) = [one for one in yaml.safe_load_all(MANIFEST.read_text()) if one["kind"] == "NetworkPolicy"]

    assert policy["metadata"] == {"name": POLICY, "namespace": Cluster().namespace}
    assert policy["spec"] == NO_NETWORK


def test_the_internet_is_refused(folder: Path) -> None:
    """A step that needs it is told so before a cluster is asked."""
    reached = Cluster(claim="missions", volume=folder.parent)

    with pytest.raises(CannotStart, match="no network"):
        job(work(folder, network=Network.BRIDGE), reached, "a")


def test_what_is_not_on_the_volume_cannot_be_given(folder: Path, tmp_path: Path) -> None:
    """What is on this machine alone is not in the cluster, and a link out of the volume leads nowhere."""
    reached = Cluster(claim="missions", volume=folder.parent)
    (folder / "out").symlink_to(tmp_path)

    for asked in (work(tmp_path), work(folder / "out"), work(folder, readable={"/tool": Path("/usr/bin")})):
        with pytest.raises(CannotStart, match="does not lie on the volume"):
            job(asked, reached, "a")
    with pytest.raises(CannotStart, match="kubernetes_claim"):
        job(work(folder), Cluster(), "a")


@pytest.mark.parametrize(
    ("said", "over"),
    [
        (("", "OOMKilled", 137), Over(end=End.OUT_OF_MEMORY, exit_code=137)),
        (("Evicted", "Error", 137), Over(end=End.OUT_OF_ROOM, exit_code=137)),
        (("DeadlineExceeded", "Error", 143), Over(end=End.OUT_OF_TIME, exit_code=143)),
        (("", "Error", 137), Over(end=End.EXITED, exit_code=137)),
        (("", "Completed", 0), Over(end=End.EXITED, exit_code=0)),
    ],
)
def test_a_limit_of_the_clusters_is_told_from_an_end(said: tuple[str, str, int], over: Over) -> None:
    """Memory, room and time that ran out are what a mission hears of, not a number."""
    why, reason, code = said
    ended = {"terminated": {"reason": reason, "exitCode": code}}
    seen = {"phase": "Failed", "reason": why, "containerStatuses": [{"name": "program", "state": ended}]}

    assert Pod.of({"metadata": {"name": "one"}, "status": seen}).over == over


async def test_the_next_start_removes_what_we_left_and_nobody_elses(
    known_cluster: Known, kubernetes: Place, folder: Path, tmp_path: Path
) -> None:
    """A program that outlived us is found by its home's label and ended; another home's works on."""
    _, reached = known_cluster
    await kubernetes.start(ENDLESS)
    async with (
        aclosing(Kubernetes(reached, tmp_path.name)) as again,
        aclosing(Kubernetes(reached, "another")) as other,
    ):
        theirs = await Place(other, folder).start(ENDLESS)

        assert [one.is_running for one in await again.left()] == [True]
        assert await remove_all(again) == 1
        assert await again.left() == []

        assert [one.id for one in await other.left()] == [theirs.id]
        await other.remove("one")


async def test_nobody_who_answers_is_said(tmp_path: Path, folder: Path) -> None:
    """A cluster that cannot be reached may be there in a moment; one that nobody knows of will not."""
    away = tmp_path / "kubeconfig"
    away.write_text(json.dumps(CONFIG))
    reached = Cluster(claim="missions", volume=folder.parent, config=away)

    async with aclosing(Kubernetes(reached, "a")) as sandboxes:
        with pytest.raises(NotStarted, match="does not answer"):
            await sandboxes.check()
    async with aclosing(Kubernetes(replace(reached, context="nosuch"), "a")) as sandboxes:
        with pytest.raises(CannotStart, match="nosuch"):
            await sandboxes.check()


def work(folder: Path, **more: Any) -> Work:
    return Work(name="one", labels=OURS, command=("true",), folder=folder, **more)

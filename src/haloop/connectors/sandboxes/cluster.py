"""A Kubernetes cluster, and what a program in it is told: a Job of one pod of one container, closed on every side.

The container begins with a shell that waits for a line from us before it becomes the program: so nothing that the
program says is lost, and a pod that the cluster starts without us never does anything. Whatever the program could not
be started for, it leaves where the cluster shows it.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from haloop.ports.sandboxes import FOLDER, INSTANCE_LABEL, CannotStart, Limits, Network, Work

NAME = "haloop.name"
"""The annotation with a sandbox's own name, which may be longer than a cluster's names."""
CONTAINER = "program"
POLICY = "haloop-sandboxes"
NO_NETWORK = {"podSelector": {"matchLabels": {"haloop.network": "none"}}, "policyTypes": ["Ingress", "Egress"]}
"""The policy that the cluster must hold our pods to; deploy/kubernetes/sandboxes.yaml has it."""
USER = 1000
"""Whom a program is where we are root; else it is who we are, so that it may write where we may."""
START_SECONDS = 300
"""A cluster may have to fetch an image, or to make a machine."""
GRACE_SECONDS = 2
_HOME = "/home/agent"
_SCRATCH = ("/tmp", "/run", _HOME, "/dev/shm")  # noqa: S108  # the program's own
_BLOCK_BYTES = 512
_BEGIN = """\
read -r _ && ulimit -f %d && ulimit -c 0 && ulimit -n 4096 || exit 126
command -v "$1" >/dev/null || { echo "There is no program $1." >/dev/termination-log; exit 127; }
echo && exec "$@"
"""
"""It answers our line with one of its own where the program begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which one, and where in it."""

    config: Path | None = None
    """The file that says how to reach it; None for kubectl's, or the cluster that we are in."""
    context: str = ""
    """One of that file; empty for its current one."""
    namespace: str = "haloop-sandboxes"
    image: str = "node:20-slim"
    claim: str = ""
    """The volume claim that missions lie on."""
    volume: Path | None = None
    """Where that volume is mounted here."""

    def mounted(self) -> Path:
        """Where the volume is mounted here; CannotStart where nobody said so."""
        if not self.claim or self.volume is None:
            raise CannotStart("sandbox.kubernetes_claim and sandbox.kubernetes_volume are not both set.")
        return self.volume.resolve()

    def on_volume(self, path: Path) -> str:
        """Where a path of ours lies on the volume; CannotStart where it does not."""
        within, volume = path.resolve(), self.mounted()
        if within == volume or not within.is_relative_to(volume):
            raise CannotStart(f"{path} does not lie on the volume that the cluster's programs share, at {volume}.")
        return str(within.relative_to(volume))


def job_name(instance: str, name: str) -> str:
    """The same for each start of one sandbox, and a name to a cluster."""
    return f"haloop-{instance}-{sha256(name.encode()).hexdigest()[:20]}"


def job(work: Work, cluster: Cluster, instance: str) -> dict[str, Any]:
    """All that the cluster is told of a program; CannotStart where it cannot have there what it needs."""
    if work.network is not Network.NONE:
        raise CannotStart("Programs in Kubernetes have no network: nothing there keeps them from the cluster's own.")
    limits = work.limits
    about = {
        "labels": {**work.labels, INSTANCE_LABEL: instance, "haloop.network": "none"},
        "annotations": {NAME: work.name},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(instance, work.name), **about},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # Ours ends it in time; this one does where we are gone.
            "activeDeadlineSeconds": math.ceil(limits.time.total_seconds()) + START_SECONDS,
            "template": {"metadata": about, "spec": _pod(work, cluster)},
        },
    }


def _pod(work: Work, cluster: Cluster) -> dict[str, Any]:
    owner = {"runAsUser": os.geteuid() or USER, "runAsGroup": os.getegid() or USER}
    share = work.limits.memory_bytes // len(_SCRATCH)
    scratch = [
        {"name": f"scratch-{number}", "emptyDir": {"medium": "Memory", "sizeLimit": str(share)}}
        for number in range(len(_SCRATCH))
    ]
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostname": "sandbox",
        "securityContext": {"runAsNonRoot": True, **owner, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(work, cluster)],
        "volumes": [{"name": "missions", "persistentVolumeClaim": {"claimName": cluster.claim}}, *scratch],
    }


def _container(work: Work, cluster: Cluster) -> dict[str, Any]:
    seen = [{"name": "missions", "mountPath": FOLDER, "subPath": cluster.on_volume(work.folder)}]
    readable = [
        {"name": "missions", "mountPath": at, "subPath": cluster.on_volume(path), "readOnly": True}
        for at, path in work.readable.items()
    ]
    scratch = [{"name": f"scratch-{number}", "mountPath": at} for number, at in enumerate(_SCRATCH)]
    environment = {"HOME": _HOME, **work.environment}
    begin = _BEGIN % (work.limits.file_bytes // _BLOCK_BYTES)
    return {
        "name": CONTAINER,
        "image": work.image or cluster.image,
        "command": [_as_it_is(word) for word in ("/bin/sh", "-c", begin, "sh", *work.command)],
        "workingDir": FOLDER,
        "env": [{"name": name, "value": _as_it_is(value)} for name, value in environment.items()],
        "stdin": True,
        "stdinOnce": True,
        "resources": {"limits": _held(work.limits), "requests": _held(work.limits)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [*seen, *readable, *scratch],
    }


def _as_it_is(word: str) -> str:
    """Clusters put something else in the place of what is written as $(NAME)."""
    return word.replace("$", "$$")


def _held(limits: Limits) -> Mapping[str, str]:
    return {
        "cpu": f"{math.ceil(limits.processors * 1000)}m",
        "memory": str(limits.memory_bytes),
        "ephemeral-storage": str(limits.file_bytes),
    }

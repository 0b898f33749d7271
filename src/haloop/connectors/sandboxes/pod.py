"""How a pod stands, from what a cluster says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haloop.connectors.sandboxes.cluster import CONTAINER
from haloop.ports.sandboxes import End, Over

_NEVER = {
    "CreateContainerConfigError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
}
"""Why a container waits for something that waiting does not bring."""
_ENDS = {
    "OOMKilled": End.OUT_OF_MEMORY,
    "Evicted": End.OUT_OF_ROOM,
    "DeadlineExceeded": End.OUT_OF_TIME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One, as it was last seen."""

    name: str
    is_running: bool
    over: Over | None
    """None while it may still do something."""
    waits_for: str
    """What keeps it from beginning, in the cluster's words."""
    never_begins: bool
    said_last: str
    """What the container left for whoever asks why."""

    @classmethod
    def of(cls, said: Mapping[str, Any], *, is_gone: bool = False) -> "Pod":
        """Out of what the cluster says, in its own spelling; one that it no longer has is over, however it stood."""
        status = said.get("status") or {}
        ours = [one for one in status.get("containerStatuses") or [] if one["name"] == CONTAINER]
        state = (ours[0].get("state") or {}) if ours else {}
        terminated, waiting = state.get("terminated") or {}, state.get("waiting") or {}
        is_taken = is_gone or "deletionTimestamp" in said["metadata"]
        is_over = is_gone or bool(terminated) or status.get("phase") in {"Succeeded", "Failed"}
        return cls(
            name=said["metadata"]["name"],
            is_running="running" in state and not is_over,
            over=_over(status, terminated, is_taken=is_taken) if is_over else None,
            waits_for=": ".join(filter(None, _why(status, waiting))),
            never_begins=waiting.get("reason") in _NEVER,
            said_last=str(terminated.get("message") or status.get("message") or "").strip(),
        )


def _over(status: Mapping[str, Any], terminated: Mapping[str, Any], *, is_taken: bool) -> Over:
    reasons = [one.get("reason") for one in (status, terminated)]
    end = next((_ENDS[reason] for reason in reasons if reason in _ENDS), End.STOPPED if is_taken else End.EXITED)
    return Over(end=end, exit_code=terminated.get("exitCode"))


def _why(status: Mapping[str, Any], waiting: Mapping[str, Any]) -> tuple[str, str]:
    unmet = [one for one in status.get("conditions") or [] if one.get("status") == "False"]
    said = waiting or (unmet[0] if unmet else {})
    return str(said.get("reason") or ""), str(said.get("message") or "")

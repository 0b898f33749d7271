"""Programs in a sandbox, as a test starts them and hears them out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haloop.ports.sandboxes import LABELS, Limits, Over, Sandbox, Sandboxes, Work

SECONDS_MAX = 30.0
ENDLESS = "while :; do sleep 1; done"
OURS = dict.fromkeys(LABELS, "a")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program did, seen from outside."""

    over: Over
    said: str
    complained: str


@dataclass(frozen=True, slots=True)
class Place:
    """A provider, and the folder that its programs write in."""

    sandboxes: Sandboxes
    folder: Path
    image: str = ""
    readable: Mapping[str, Path] = field(default_factory=dict)

    def work(self, script: str, *, name: str = "one", limits: Limits | None = None, **more: Any) -> Work:
        told: dict[str, Any] = {
            "command": ("sh", "-c", script),
            "labels": OURS,
            "folder": self.folder,
            "image": self.image,
            **more,
        }
        return Work(name=name, limits=limits or Limits(), readable=self.readable, **told)

    async def start(self, script: str, **more: Any) -> Sandbox:
        return await self.sandboxes.start(self.work(script, **more))

    async def run(self, script: str, *, hears: bytes = b"", **more: Any) -> Ran:
        """Start it, tell it something, and hear it out."""
        async with asyncio.timeout(SECONDS_MAX):
            sandbox = await self.start(script, **more)
            sandbox.hears.write(hears)
            sandbox.hears.close()
            said, complained = await asyncio.gather(sandbox.talks.read(), sandbox.complains.read())
            return Ran(await sandbox.over(), said.decode(), complained.decode())

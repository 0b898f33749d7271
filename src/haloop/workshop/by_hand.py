"""What somebody wrote by hand into a mission's folder, taken up by a person, or put back to what the ledger says.

Whoever does either names what they saw of it: the folder may say something newer by then, and nobody's words are lost.
"""

import asyncio
from dataclasses import dataclass

from haloop.desks.missions.progress import Progress
from haloop.identity import Caller
from haloop.kernel.errors import BadInput, NotFound
from haloop.workshop.folder import SEEN_BYTES_MAX, MissionFolder
from haloop.workshop.missions import ARTIFACT_BYTES_MAX, ChangedSince, Missions, require_decider, require_small
from haloop.workshop.telling import Written


class WrittenSince(ChangedSince):
    """Somebody wrote into the folder after whoever asks looked at it."""

    code = "mission.written_since"
    next_step = "Look at the mission again; then take up or put back what is in the folder now."

    since = "in the mission's folder was changed since you saw it."

    def __init__(self, artifact: str, written: Written) -> None:
        super().__init__(artifact, written.text)
        self.digest = written.digest

    @property
    def stands(self) -> dict[str, str]:
        return {**super().stands, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class ByHand:
    """The files of a home's missions as people changed them."""

    missions: Missions

    async def take(self, caller: Caller, name: str, artifact: str, seen: str, *, match: str | None = None) -> None:
        """Have a file say what is in the folder, as if it were saved here: at its gate that changes the draft.

        Of a long file a page shows the beginning alone: the draft has to be read before a yes.
        """
        progress = await self.missions.show(caller, name)
        require_decider(caller)
        folder = MissionFolder(self.missions.home, progress.mission)
        written = await asyncio.to_thread(_written, folder, progress, artifact, seen, ARTIFACT_BYTES_MAX + 1)
        await asyncio.to_thread(folder.require_plain, artifact)
        require_small(written.said)
        try:
            said = written.said.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"{artifact} in the folder is no text in UTF-8.", code="artifact.not_text") from error
        await self.missions.write(caller, name, artifact, said, match=match, is_known=False)

    async def put_back(self, caller: Caller, name: str, artifact: str, seen: str) -> None:
        """Have the folder's file say again what the ledger does; what was seen there is gone."""
        async with self.missions.writing:
            progress = await self.missions.show(caller, name)
            require_decider(caller)
            stands = (await self.missions.bytes_of(caller.account, progress)).get(artifact)
            folder = MissionFolder(self.missions.home, progress.mission)
            await asyncio.to_thread(_written, folder, progress, artifact, seen)
            if stands is None:
                raise _nothing(artifact)
            since = await asyncio.to_thread(folder.put_back, progress, artifact, stands, seen)
            if since is not None:
                raise WrittenSince(artifact, since)


def _written(
    folder: MissionFolder, progress: Progress, artifact: str, seen: str, size_max: int = SEEN_BYTES_MAX
) -> Written:
    """What is there by hand, where it is what was seen; WrittenSince where it is not."""
    written = folder.written(progress, artifact, size_max)
    if written is None:
        raise _nothing(artifact)
    if written.digest != seen:
        raise WrittenSince(artifact, written)
    return written


def _nothing(artifact: str) -> NotFound:
    return NotFound(
        f"Nobody changed {artifact} in the mission's folder.",
        code="mission.not_by_hand",
        next_step="Look at the mission again: what was changed by hand stands in by_hand.",
    )

"""What somebody wrote by hand into a mission's folder, taken up by a person, or put back to what the ledger says."""

import asyncio
from dataclasses import dataclass

from haloop.identity import Caller
from haloop.kernel.errors import BadInput, NotFound
from haloop.workshop.folder import MissionFolder
from haloop.workshop.missions import ARTIFACT_BYTES_MAX, Missions, require_decider, require_small


@dataclass(frozen=True, slots=True)
class ByHand:
    """The files of a home's missions as people changed them."""

    missions: Missions

    async def take(self, caller: Caller, name: str, artifact: str, *, match: str | None = None) -> None:
        """Have a file say what is in the folder, as if it were saved here: at its gate that changes the draft.

        The folder may say something else by now than it did when somebody looked: they have to read the draft.
        """
        progress = await self.missions.show(caller, name)
        require_decider(caller)
        folder = MissionFolder(self.missions.home, progress.mission)
        written = await asyncio.to_thread(folder.written, progress, artifact, ARTIFACT_BYTES_MAX + 1)
        if written is None:
            raise _nothing(artifact)
        await asyncio.to_thread(folder.require_plain, artifact)
        require_small(written)
        try:
            said = written.decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"{artifact} in the folder is no text in UTF-8.", code="artifact.not_text") from error
        await self.missions.write(caller, name, artifact, said, match=match, is_known=False)

    async def put_back(self, caller: Caller, name: str, artifact: str) -> None:
        """Have the folder's file say again what the ledger does; what was written there is gone."""
        async with self.missions.writing:
            progress = await self.missions.show(caller, name)
            require_decider(caller)
            stands = (await self.missions.bytes_of(caller.account, progress)).get(artifact)
            folder = MissionFolder(self.missions.home, progress.mission)
            if stands is None or await asyncio.to_thread(folder.written, progress, artifact, 0) is None:
                raise _nothing(artifact)
            await asyncio.to_thread(folder.put_back, artifact, stands)


def _nothing(artifact: str) -> NotFound:
    return NotFound(
        f"Nobody changed {artifact} in the mission's folder.",
        code="mission.not_by_hand",
        next_step="Look at the mission again: what was changed by hand stands in by_hand.",
    )

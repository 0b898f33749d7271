"""A process of its own that kills a Docker daemon while an agent works, and prints what came of it.

Docker's library leaves the sockets that it could not connect to whoever collects them: not to the tests beside.
"""

import asyncio
import json
import signal
import sys
from contextlib import closing
from pathlib import Path

from haloop.connectors.agents.command import CommandAgent
from haloop.connectors.agents.program import Program
from haloop.connectors.sandboxes.docker import Docker
from haloop.connectors.sandboxes.sweeping import remove_all
from haloop.kernel.failure import StepFault
from tests.connectors.agents.conftest import Works
from tests.connectors.gateway.conftest import gateway
from tests.connectors.sandboxes import dockerd

AGENT = CommandAgent(Program(command=("sh", "-c", "echo begun; sleep 600; cp {input} {output}")).told)


async def killed(folder: Path) -> dict[str, object]:
    """What the step was told, what it left on disk, and what a new start of the daemon finds and does not find."""
    with (
        dockerd.daemon() as daemon,
        closing(Docker(daemon.at, dockerd.OWN_TOOLS, folder.name)) as docker,
        gateway(folder) as no_models,
    ):
        works = Works(missions=folder / "missions", real=docker, gateway=no_models)
        agents, task = works.agents(AGENT), await works.task()
        working = asyncio.create_task(agents.work(task))
        while "begun" not in works.log(task.attempt):  # noqa: ASYNC110  # a file says it
            await asyncio.sleep(0.05)
        daemon.end(signal.SIGKILL)
        try:
            told = str(await working)
        except StepFault as fault:
            told = f"{type(fault).__name__}: {fault}"
        daemon.start()
        found = await remove_all(docker)
        left = [one.name for one in await docker.left()]
        return {"told": told, "folders": len(works.work_folders()), "found": found, "left": left}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(killed(Path(sys.argv[1])))))

"""Where agents' programs work on this machine, as the settings say."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from haloop.connectors.sandboxes.choosing import NoSandboxes, Wanted, choosing
from haloop.connectors.sandboxes.cluster import Cluster
from haloop.connectors.sandboxes.sweeping import sweep
from haloop.ports.sandboxes import NoSandbox, Sandboxes
from haloop.settings import Settings

log = logging.getLogger("haloop.sandboxing")


@asynccontextmanager
async def open_sandboxes(settings: Settings) -> AsyncIterator[Sandboxes]:
    """The provider that works, cleared, as every other one, of what an earlier start of this home left in it.

    Where none does, nothing starts in what is given instead: whoever wants no mission is served all the same.
    """
    told = wanted(settings)
    async with AsyncExitStack() as opened:
        try:
            chosen = await opened.enter_async_context(choosing(told))
        except NoSandbox as none:
            log.warning("no sandbox starts here", extra={"code": none.code})
            await sweep(told, None)
            yield NoSandboxes(none.sentence)
        else:
            await sweep(told, chosen.sandboxes)
            yield chosen.sandboxes


def wanted(settings: Settings) -> Wanted:
    """What the settings say of them."""
    return Wanted(
        home=settings.home,
        provider=settings.sandbox_provider,
        docker_socket=settings.sandbox_docker_socket,
        docker_image=settings.sandbox_docker_image,
        cluster=Cluster(
            config=settings.sandbox_kubernetes_config,
            context=settings.sandbox_kubernetes_context or "",
            namespace=settings.sandbox_kubernetes_namespace,
            image=settings.sandbox_kubernetes_image,
            claim=settings.sandbox_kubernetes_claim or "",
            volume=settings.sandbox_kubernetes_volume,
        ),
    )

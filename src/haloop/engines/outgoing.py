"""An intended effect on its way out of the house: the same bytes under the same key, however often it is sent."""

import asyncio
from datetime import timedelta
from typing import Any

from haloop.engines import approval
from haloop.engines.world import World
from haloop.kernel import values
from haloop.kernel.connector import Connector
from haloop.kernel.draft import NamedEffect
from haloop.kernel.fact import EffectIntended
from haloop.kernel.failure import StepFault
from haloop.kernel.ids import AccountId
from haloop.kernel.operation import Call, EffectOp, Neither, Queryable, Recovery, Unknown, no_freer

_SECOND = 1_000_000


class Outgoing:
    """What was intended, and the outside system that it is for."""

    def __init__(
        self, intent: EffectIntended, named: NamedEffect, *, world: World, account: AccountId, by: tuple[str, ...]
    ) -> None:
        self.intent = intent
        self.deadline = intent.deadline
        """Until when an answer to what was sent last is waited for."""
        self.attempt = 1
        self._named = named
        self._world = world
        self._account = account
        self._by = by

    async def send(self) -> tuple[object, str]:
        """The one call that leaves the house: its answer, or why there is none that anybody knows."""
        try:
            _, _, method = self._behind()
            async with asyncio.timeout((self.deadline - self._world.now()) / _SECOND):
                return await method(self.argument(), self._call()), ""
        except TimeoutError:
            return None, "No answer came in time."
        except (KeyboardInterrupt, SystemExit):  # the process is to end; the next one finds the intent
            raise
        except BaseException as error:  # noqa: BLE001  # raising anything means: nobody knows
            return None, f"The connector raised {type(error).__name__}."  # its words may hold a secret

    async def ask(self, how: Queryable) -> object:
        """Look whether it happened; nothing where that could not be found out, and nobody says why."""
        try:
            connector, _, _ = self._behind()
            async with asyncio.timeout(self.patience.total_seconds()):
                return await how.lookup(connector.speaks, self.argument(), self._call())
        except (KeyboardInterrupt, SystemExit):
            raise
        except StepFault as fault:
            return Unknown(sentence=str(fault))
        except BaseException:  # noqa: BLE001  # a lookup that fails has told us nothing
            return None

    @property
    def is_in_time(self) -> bool:
        return self._world.now() < self.deadline

    @property
    def patience(self) -> timedelta:
        """How long an answer may take."""
        return self._behind()[1].rules.deadline

    def argument(self) -> Any:  # noqa: ANN401  # whatever the operation takes
        """What is sent, as the connector takes it."""
        operation = self._world.connectors.operations[self.intent.operation]
        return values.typed(operation.argument, self.intent.argument)

    def recovery(self) -> Recovery:
        """What the intent says, of the very outside system that was called, and no more than it still offers."""
        connector, declared, _ = self._behind()
        if not approval.is_same_outside(connector, self._named):
            return Neither()
        return no_freer(self.intent.recovery, declared.rules.recovery)

    def _behind(self) -> tuple[Connector, EffectOp[Any, Any], Any]:
        return self._world.connectors.effect(self.intent.operation)

    def _call(self) -> Call:
        return Call(
            key=self.intent.key,
            account=self._account,
            deadline=self.deadline,
            live=self.intent.live,
            by=self._by,
            attempt=self.attempt,
            preconditions=self._named.preconditions,
        )

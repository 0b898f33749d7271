"""A small house to try procedures in: a real ledger, a real engine, a clock to move, and people who decide.

Nothing here is a stand-in but the clock. A test starts a run, lets somebody say yes, no or "change this", moves
time, pulls the plug with `restart`, and looks at what the run's history and the world say.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from haloop.engines.decisions import GateView
from haloop.engines.local import LocalEngine
from haloop.kernel.canonical import Canonical
from haloop.kernel.connector import Connector
from haloop.kernel.desk import Desk
from haloop.kernel.errors import LedgerClosed
from haloop.kernel.fact import CredentialEnrolled, Fact, PersonAdded, RulesSet, RunEnded
from haloop.kernel.finding import Finding
from haloop.kernel.gate import Answer, GateId, GateStatus, Need, Verdict, View
from haloop.kernel.ids import AccountId, PersonId, RunId, new_person_id
from haloop.kernel.passkey import challenge
from haloop.kernel.people import Role
from haloop.kernel.policy import Ceiling
from haloop.kernel.procedure import Request
from haloop.kernel.rules import Rules
from haloop.store.home import Home
from haloop.store.signing import read_or_make_signer, verify_passkey
from haloop.store.sqlite import SqliteLedger
from haloop.testing.clock import MovableClock
from haloop.testing.passkey import Passkey

VIEW = View(language="en", renderer="testing/1", catalogue="0" * 64)
BALLAST_BYTES = 1 << 20


def _dead(*_: object) -> NoReturn:
    raise LedgerClosed("The process is dead.")


class Practice:
    """The house. `opened` makes one."""

    def __init__(
        self,
        folder: Path,
        *,
        desks: Sequence[Desk],
        connectors: Sequence[Connector],
        clock: MovableClock | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock or MovableClock()
        self.desks = list(desks)
        self.connectors = list(connectors)
        self.account: AccountId
        self.ledger: SqliteLedger
        self.engine: LocalEngine
        self.passkeys: dict[PersonId, Passkey] = {}
        self.live_max = 2_000
        self._open = AsyncExitStack()
        self._nonces = 0

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        folder: Path,
        *,
        desks: Sequence[Desk],
        connectors: Sequence[Connector],
        clock: MovableClock | None = None,
    ) -> "AsyncIterator[Practice]":
        """A house in an empty folder, with one account and nobody in it."""
        practice = cls(folder, desks=desks, connectors=connectors, clock=clock)
        await practice._start()
        practice.account = await practice.ledger.open_account()
        try:
            yield practice
        finally:
            await practice._open.aclose()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    async def restart(self) -> None:
        """Stop the process and start it again; what is not in the ledger is gone."""
        await self.stop()
        await self._start()

    async def stop(self) -> None:
        """Stop the process; `restart` starts it again."""
        await self._open.aclose()

    async def crash(self) -> None:
        """Kill the process and start it again: what was under way is heard of by nobody."""
        self.pull_plug()
        self.engine.world.tasks.cancel()
        await self.restart()

    def pull_plug(self) -> None:
        """From this moment nothing is written any more; `crash` does the rest."""
        self.ledger.append = self.ledger.record = _dead  # type: ignore[assignment, method-assign]  # whoever writes goes there

    # People

    async def person(self, name: str, *roles: Role, account: AccountId | None = None) -> PersonId:
        """Somebody joins the account; an owner unless said otherwise."""
        person = new_person_id()
        fact = PersonAdded(person=person, name=name, roles=[str(role) for role in roles or (Role.OWNER,)])
        await self.engine.record(account or self.account, fact, by="kernel")
        return person

    async def enrol(self, person: PersonId) -> Passkey:
        """Give somebody a passkey."""
        passkey = Passkey.made()
        fact = CredentialEnrolled(
            person=person,
            credential=passkey.credential,
            algorithm=passkey.key.algorithm,
            public_key=passkey.key.public_key.hex(),
        )
        await self.engine.record(self.account, fact, by=f"person:{person}")
        self.passkeys[person] = passkey
        return passkey

    async def rules(self, need: Need, *ceilings: Ceiling) -> None:
        """What the account asks for beyond the built-in rule."""
        plain = Rules(need=need, ceilings=ceilings).as_plain()
        fact = RulesSet(need=plain["need"], ceilings=plain["ceilings"])
        await self.engine.record(self.account, fact, by="kernel")

    # Runs

    async def start(self, request: Request[Any], *, by: str = "agent:test", key: str | None = None) -> RunId:
        """Begin a run, and let it come to where it waits."""
        run = await self.engine.start(self.account, request, by=by, key=key)
        await self.engine.settled()
        return run

    async def ended(self, run: RunId) -> RunEnded:
        return await self.engine.ended(self.account, run)

    async def facts(self, run: RunId) -> list[Fact]:
        return await self.engine.facts(self.account, run)

    async def kinds(self, run: RunId) -> list[str]:
        """The run's history in one word each."""
        return [fact.kind for fact in await self.facts(run)]

    async def move(self, by: timedelta) -> None:
        """Let time pass, and everything happen that is due."""
        self.clock.move(by)
        self.engine.look_at_clock()
        await self.engine.settled()

    # Gates

    def gate_of(self, run: RunId) -> GateId:
        """The gate at which a run waits now."""
        mine = [gate for gate in self.engine.open_gates(self.account) if run.removeprefix("run_") in gate]
        if not mine:
            raise LookupError(f"{run} waits at no gate.")
        return mine[-1]

    async def view(self, gate: GateId) -> GateView:
        return await self.engine.gate(self.account, gate)

    async def answer(
        self,
        gate: GateId,
        person: PersonId,
        verdict: Verdict,
        *,
        reason: str = "",
        back_to: str | None = None,
        change: Canonical = None,
        read: bool = True,
    ) -> Answer:
        """What somebody says to a gate as it stands now; signed if they have a passkey."""
        seen = (await self.view(gate)).gate
        self._nonces += 1
        answer = Answer(
            gate=gate,
            revision=seen.revision,
            draft=seen.draft,
            card=seen.card,
            view=VIEW,
            verdict=verdict,
            person=person,
            nonce=f"nonce-{self._nonces}",
            expires=self.engine.world.now() + 60_000_000,
            reason=reason,
            back_to=back_to,
            change=change,
            disclosures_read=read,
        )
        return self.signed(answer)

    def signed(self, answer: Answer) -> Answer:
        """The answer with its person's passkey, if they have one."""
        passkey = self.passkeys.get(answer.person)
        if passkey is None:
            return answer
        return replace(answer, assertion=passkey.answer(challenge(answer.decision())))

    async def say(self, answer: Answer) -> GateStatus:
        """Hand an answer in, and let happen what follows from it."""
        status = await self.engine.decide(self.account, answer)
        await self.engine.settled()
        return status

    async def yes(self, run: RunId, person: PersonId) -> GateStatus:
        return await self.say(await self.answer(self.gate_of(run), person, Verdict.APPROVED))

    async def no(self, run: RunId, person: PersonId, reason: str = "", back_to: str | None = None) -> GateStatus:
        gate = self.gate_of(run)
        return await self.say(await self.answer(gate, person, Verdict.REFUSED, reason=reason, back_to=back_to))

    async def change(self, run: RunId, person: PersonId, change: Canonical) -> GateStatus:
        return await self.say(await self.answer(self.gate_of(run), person, Verdict.CHANGED, change=change))

    # Effects

    async def uncertain(self, run: RunId) -> list[str]:
        """The effects of a run whose outcome nobody knows, by their names."""
        return [intent.effect for intent in await self.engine.uncertain(self.account, run)]

    async def found(
        self, run: RunId, person: PersonId, *, happened: bool, result: Canonical = None, sentence: str = ""
    ) -> Finding:
        """What somebody found out about the first effect of a run that is uncertain; signed if they have a passkey."""
        (intent, *_) = await self.engine.uncertain(self.account, run)
        finding = Finding(
            gate=GateId(intent.gate),
            effect=intent.effect,
            person=person,
            happened=happened,
            result=result,
            sentence=sentence,
        )
        passkey = self.passkeys.get(person)
        return replace(finding, assertion=passkey.answer(finding.challenge())) if passkey else finding

    async def settle(
        self, run: RunId, person: PersonId, *, happened: bool, result: Canonical = None, sentence: str = ""
    ) -> None:
        """Somebody says how an uncertain effect ended, and what follows from it happens."""
        finding = await self.found(run, person, happened=happened, result=result, sentence=sentence)
        await self.engine.settle(self.account, finding)
        await self.engine.settled()

    async def _start(self) -> None:
        Home(self.home).make()
        self._open = AsyncExitStack()
        self.ledger = await self._open.enter_async_context(
            SqliteLedger.opened(
                self.home,
                signer=read_or_make_signer(self.folder / "secrets"),
                witness_folder=self.folder / "witness",
                clock=self.clock,
                ballast=BALLAST_BYTES,
            )
        )
        self.engine = await self._open.enter_async_context(
            LocalEngine.opened(
                self.ledger,
                desks=self.desks,
                connectors=self.connectors,
                verify=verify_passkey,
                clock=self.clock,
                live_max=self.live_max,
            )
        )

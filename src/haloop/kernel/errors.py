"""Every way Haloop says no, in one tree.

Each error carries a stable code for machines, one sentence for the person who meets it, and what
to do next. Expected outcomes are values and do not appear here; these are faults and refusals.

    HaloopError
    ├── BadInput            what was handed in cannot be recorded or read
    │   ├── NotCanonical    a value with no canonical bytes
    │   ├── BadMoney        an amount that is not minor units of one currency
    │   ├── BadEntry        an entry, part or id that breaks the ledger's format
    │   ├── BadNote         a signed note that cannot be believed
    │   ├── BadProof        a Merkle proof that does not lead to the root
    │   ├── BadAssertion    a passkey's answer that does not hold for this decision
    │   ├── BadReceipt      a receipt file that does not hold
    │   ├── BadValue        a value that is not of its declared type, or has no plain form
    │   ├── BadDraft        a draft that cannot be put before anybody
    │   ├── BadAnswer       an answer that nobody could have meant
    │   └── BadProcedure    what a procedure asks for is not how procedures work
    ├── Conflict            the ledger is well; this append is not next
    │   ├── OutOfSequence   it names a predecessor that is not the run's head
    │   ├── ForeignRun      the run belongs to another account
    │   └── ClaimTaken      what may happen once has happened
    ├── Refused             the ledger is well; its present state forbids this
    │   ├── RecoveryOpen    after a restore or rollback, nothing irreversible starts
    │   ├── NoRoom          the disk is full: outcomes only
    │   ├── AllStopped      an owner stopped every agent: nothing begins
    │   ├── RunFull         a run of this length continues as a successor
    │   ├── NotErasable     only what has ended can be erased
    │   ├── Erased          the words are gone on purpose; their hash stays
    │   ├── NotFound        no such account, run, event or checkpoint
    │   ├── AnswerRefused   a late, stale, foreign or insufficient answer to a gate
    │   ├── EffectRefused   nothing was approved that allows this effect
    │   ├── RunOver         the run has ended
    │   └── LedgerClosed    the ledger was shut down
    ├── HomeUnusable        this home cannot be opened as it is
    │   ├── HomeLocked      another process has it
    │   ├── HomeCloned      a copy of it is running on this machine
    │   ├── HomeReadOnly    nothing can be written there
    │   ├── DiskFault       the disk failed while the home was being opened
    │   ├── HomeMissing     there is no ledger there
    │   ├── LibraryTooOld   the SQLite library could corrupt the ledger
    │   └── WrongVersion    another version of Haloop wrote it
    ├── Corrupt             the stored bytes contradict themselves; names the first bad event
    │   └── KeyMissing      a key is gone and no erasure says why
    ├── StepFailed          a step could not be done, however often it was tried
    ├── Diverged            the procedure no longer does what its run's history says
    └── Poisoned            a write failed for a reason nobody planned; this process must end
"""

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """How a command ends; the one table from errors to exit codes."""

    OK = 0
    BAD = 1
    """What was checked does not hold."""
    USAGE = 2
    """The command or its input could not be understood."""
    SIGNER_UNKNOWN = 3
    """All consistent, but no key was given to say who signed."""
    REFUSED = 4
    """The ledger is well and says no."""
    UNUSABLE = 5
    """The home cannot be opened as it is."""
    POISONED = 70
    """A write failed; the process ended itself so that recovery can look."""


class HaloopError(Exception):
    """A fault or refusal with a code, a sentence and a next step."""

    code: ClassVar[str] = "haloop.error"
    next_step: ClassVar[str] = "Report this with the request id: it should have had a name."
    exit: ClassVar[Exit] = Exit.BAD

    def __init__(self, sentence: str, *, code: str | None = None, next_step: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code  # type: ignore[misc]  # one class, several stable codes
        if next_step is not None:
            self.next_step = next_step  # type: ignore[misc]  # as above


class BadInput(HaloopError):
    code = "input.bad"
    next_step = "Correct the input and try again; nothing was recorded."
    exit = Exit.USAGE


class NotCanonical(BadInput):
    code = "canonical.type"
    next_step = (
        "Use strings, whole numbers up to 2^53-1, booleans, null, arrays and objects; write decimals as strings."
    )


class BadMoney(BadInput, ValueError):  # a ValueError, so that a message with a bad amount is a bad message
    code = "money.bad"
    next_step = "Give whole minor units and a three-letter currency, such as 1250 EUR for 12.50 EUR."


class BadEntry(BadInput):
    code = "entry.bad"


class BadNote(BadInput):
    code = "note.malformed"
    next_step = "Ask for the checkpoint again, and compare the verifier key with one you got elsewhere."
    exit = Exit.BAD


class BadProof(BadInput):
    code = "proof.bad"
    next_step = "Do not rely on this document; ask whoever gave it to you for a fresh one."
    exit = Exit.BAD


class BadAssertion(BadInput):
    code = "passkey.bad"
    next_step = "Ask for the question again and answer that one with the passkey; this answer counts for nothing."
    exit = Exit.BAD


class BadReceipt(BadInput):
    code = "receipt.bad"
    next_step = "Do not rely on this document; ask whoever gave it to you for a fresh one."
    exit = Exit.BAD


class BadValue(BadInput):
    code = "value.bad"


class BadDraft(BadInput):
    code = "draft.bad"
    next_step = "Correct the desk's procedure; nothing was put before anybody."


class BadAnswer(BadInput):
    code = "answer.bad"
    next_step = "Read the gate again and answer what it shows now."


class BadProcedure(BadInput):
    code = "procedure.bad"
    next_step = "Correct the procedure; the run goes on where it stood."


class Conflict(HaloopError):
    code = "append.conflict"
    next_step = "Read the run again from the ledger and decide anew; nothing was recorded."
    exit = Exit.REFUSED


class OutOfSequence(Conflict):
    code = "append.out_of_sequence"


class ForeignRun(Conflict):
    code = "append.foreign_account"
    next_step = "Append to the account the run belongs to; nothing was recorded."


class ClaimTaken(Conflict):
    code = "append.claim_taken"
    next_step = "Read the event that holds the claim; what it stands for happened or is under way."


class Refused(HaloopError):
    code = "ledger.refused"
    exit = Exit.REFUSED


class RecoveryOpen(Refused):
    code = "recovery.open"
    next_step = "Settle what may have happened since the backup, then end recovery mode."


class AllStopped(Refused):
    code = "agents.stopped"
    next_step = "When it is clear what went wrong, an owner lets work go on: haloop resume-agents."


class NoRoom(Refused):
    code = "disk.full"
    next_step = "Free space on the disk that holds the home; work is accepted again by itself."


class RunFull(Refused):
    code = "run.full"
    next_step = "End the run and let its successor go on."


class NotErasable(Refused):
    code = "erase.not_ended"
    next_step = "Cancel the run or let it end, then erase it."


class Erased(Refused):
    code = "payload.erased"
    next_step = "Nothing to do: the erasure is a fact in the ledger and says who asked for it and why."


class NotFound(Refused):
    code = "ledger.not_found"
    next_step = "Check the id and the account it belongs to."


class AnswerRefused(Refused):
    code = "answer.refused"
    next_step = "Read the gate again; it shows where it stands and who may answer."


class EffectRefused(Refused):
    code = "effect.refused"
    next_step = "Put a new draft before a gate; nothing ran."


class RunOver(Refused):
    code = "run.over"
    next_step = "Start a new run."


class LedgerClosed(Refused):
    code = "ledger.closed"
    next_step = "Open the home again."


class HomeUnusable(HaloopError):
    code = "home.unusable"
    exit = Exit.UNUSABLE


class HomeLocked(HomeUnusable):
    code = "home.locked"
    next_step = "Use the process that is running, or stop it first."


class HomeCloned(HomeUnusable):
    code = "home.cloned"
    next_step = "Stop the other copy; two ledgers with one identity would contradict each other."


class HomeReadOnly(HomeUnusable):
    code = "home.read_only"
    next_step = "Make the home writable for this user, or point HALOOP_HOME elsewhere."


class DiskFault(HomeUnusable):
    code = "disk.fault"
    next_step = "Look at the disk (room, permissions, its health); nothing new was recorded, so try again."


class HomeMissing(HomeUnusable):
    code = "home.missing"
    next_step = "Give the folder that holds ledger.db, with --home or HALOOP_HOME."


class LibraryTooOld(HomeUnusable):
    code = "sqlite.too_old"
    next_step = "Install the locked dependencies again (uv sync); apsw brings its own SQLite."


class WrongVersion(HomeUnusable):
    code = "ledger.version"
    next_step = "Start the version of Haloop that wrote this ledger, or a newer one."


class Corrupt(HaloopError):
    code = "ledger.corrupt"
    next_step = "Stop using this home, keep a copy, and restore a backup with haloop restore."


class KeyMissing(Corrupt):
    code = "key.missing"
    next_step = "Restore keys.db from its newest backup; if the key was erased, the erasure event is missing too."


class StepFailed(HaloopError):
    code = "step.failed"
    next_step = "Look at the recorded attempts; once the cause is gone, the run can be woken to try again."


class Diverged(HaloopError):
    code = "run.diverged"
    next_step = "Bring back the version of the procedure that began this run, or cancel the run."


class Poisoned(HaloopError):
    code = "ledger.poisoned"
    next_step = "Read the cause, mend the disk, and start again; recovery checks the last writes."
    exit = Exit.POISONED

"""What a notice says. It says that something waits or went wrong, where to look and until when; never what it is."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from haloop.kernel.clock import as_datetime
from haloop.kernel.link import link_to
from haloop.kernel.notice import NoticeKind
from haloop.ports.notifier import Notice

TITLES: Mapping[NoticeKind, str] = {
    NoticeKind.WAITS: "Something waits for your answer",
    NoticeKind.EXPIRES: "Something still waits for your answer, and not for long",
    NoticeKind.FAILED: "Something did not go as it should",
    NoticeKind.DIGEST: "What happened since the last digest",
    NoticeKind.TEST: "A message to try whether you would be told",
    NoticeKind.RECOVERED: "A passkey was added with a recovery code",
    NoticeKind.LOOSENED: "A limit of the account was raised or lifted",
    NoticeKind.OVER: "Nothing waits for you here any more",
}
GATES = frozenset({NoticeKind.WAITS, NoticeKind.EXPIRES})
"""What is told of a gate that waits."""
COUNTED: Mapping[str, tuple[str, str]] = {
    "run.started": ("One run began.", "{} runs began."),
    "gate.opened": ("A yes was asked for once.", "A yes was asked for {} times."),
    "gate.approved": ("One draft was approved.", "{} drafts were approved."),
    "gate.refused": ("One draft was refused.", "{} drafts were refused."),
    "gate.expired": ("One draft had no answer in time, which means no.", "{} drafts had no answer in time: no."),
    "effect.happened": ("One effect happened.", "{} effects happened."),
    "effect.not_done": ("One effect was not done.", "{} effects were not done."),
    "run.ended": ("One run ended.", "{} runs ended."),
    "grant.given": ("One grant was given.", "{} grants were given."),
    "grant.revoked": ("One grant was taken back.", "{} grants were taken back."),
    "token.issued": ("One agent was given a token.", "{} agents' tokens were made."),
    "person.added": ("One person was added or has other roles now.", "{} people were added or have other roles now."),
    "person.removed": ("One person was taken out of the account.", "{} people were taken out of the account."),
    "change.refused": ("One change took somebody else, and was refused.", "{} changes took somebody else."),
    "answer.refused": ("One answer did not count.", "{} answers did not count."),
}
"""What a digest counts, by the kind of fact, and how it says one and many."""

_NOTHING_HERE_DECIDES = "Look at it and answer there. Nothing in this message can answer, and no answer means no."


def worded(
    *,
    id: str,  # noqa: A002  # what the port calls it
    kind: NoticeKind,
    address: str,
    link: str,
    checkpoint: str,
    at: int,
    until: int | None = None,
    zone: str = "UTC",
    counts: Mapping[str, int] | None = None,
    revision: int | None = None,
) -> Notice:
    """A notice of one kind, for a person in a zone; `counts` is what a digest tells."""
    return Notice(
        id=id,
        kind=kind,
        title=TITLES[kind],
        lines=tuple(_lines(kind, until, zone, counts or {})),
        link=link_to(address, link) if link else f"{address}/",
        settings=f"{address}/plain#notices",
        checkpoint=checkpoint,
        at=at,
        until=until,
        revision=revision,
    )


def counted(counts: Mapping[str, int]) -> list[str]:
    """What happened, in numbers; nothing where nothing did that is counted."""
    return [
        one if counts[kind] == 1 else many.format(counts[kind])
        for kind, (one, many) in COUNTED.items()
        if counts.get(kind)
    ]


def _lines(kind: NoticeKind, until: int | None, zone: str, counts: Mapping[str, int]) -> list[str]:
    ends = "" if until is None else f" It waits until {_moment(until, zone)}."
    match kind:
        case NoticeKind.WAITS:
            return [f"A draft waits for your yes or no.{ends}", _NOTHING_HERE_DECIDES]
        case NoticeKind.EXPIRES:
            return [f"A draft still waits for your yes or no.{ends} After that it counts as no.", _NOTHING_HERE_DECIDES]
        case NoticeKind.FAILED:
            return [
                "A run ended badly or cannot go on, a grant was suspended, or nobody knows how an effect ended.",
                "Where it stands, and what can be done, is said there.",
            ]
        case NoticeKind.DIGEST:
            return counted(counts)
        case NoticeKind.TEST:
            return ["Somebody asked for it with haloop notices test. You would be told this way."]
        case NoticeKind.RECOVERED:
            return [
                "An owner's recovery code was used, and all their other sessions ended.",
                "If nobody of you did it, take that passkey away at once, with one of yours.",
            ]
        case NoticeKind.LOOSENED:
            return [
                "A ceiling rose or is gone, or a yes takes less than it did. An owner said so.",
                "If nobody of you did it, set it back at once, and look whose passkeys are in the account.",
            ]
        case NoticeKind.OVER:
            return ["It was answered, or its time is over."]


def _moment(moment: int, zone: str) -> str:
    return as_datetime(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")

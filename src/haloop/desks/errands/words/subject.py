"""What to cancel: a subscription by its name, or a reservation, an order, an appointment.

The name stands behind the verb, or it was said before and "it" points there. If the household's subscriptions are
known, the name of one of them in the words is the surest sign.
"""

import re
from collections.abc import Sequence

from haloop.desks.errands.words.clauses import corrects, excluded
from haloop.desks.errands.words.cues import Cue
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Kind, Slot, Span, Subject
from haloop.desks.errands.words.spelling import one_slip_apart
from haloop.desks.errands.words.text import Text

_FILLER = r"(?:[ ,:;.!?\"'-]|(?:my|our|the|a|an|of|to|for|from|with|please|me|us|out|out of|that|this|old|current|monthly|annual|yearly|one|ones|and|it|its|online|subscriptions?|memberships?|plans?|trials?|free|accounts?|services?|paying|pay|make sure|be sure|say goodbye|goodbye|wife's|husband's|kids'|son's|daughter's|whole|entire|everything|whatever|have|box(?= from)|on|in|at|actually|no|wait|any|every month's|his|her|their|am|be|so)(?![\w+'.-]*\w)(?!\+))"
_LEAD = Pattern(rf"^{_FILLER}+")
_STOPS = Pattern(
    r"[,;!?\n]|\.(?=\s|$)| - |\b(?:please|pls|for me|for us|for good|before|after|by|effective|asap|now|today|immediately|right away|as of|at the end|starting|because|since|so|and|or|as|when|if|any ?more|any longer|thanks|thank you|cancelled|ended|stopped|terminated|until|this|next|in|on|again|at|over|would|could|can|it|i|we|instead|should|needs?|renews?|from next|doesn't|does|is|was|while|but|with effect|not|once|another (?:week|month|year)|every|each|even|though|although|back (?:in|when|then|on))\b"
)
_TAIL = Pattern(
    r"(?:[ ,:;.!?\"'-]|\b(?:subscriptions?|memberships?|plans?|trials?|accounts?|services?|one|ones|free|deliver(?:y|ies)|box|pledge|monthly|annual|contract|deal|stuff|altogether|completely|auto-?renew\w*|renewal))+$"
)
_HOLDER = Pattern(
    r"\b(?:plan|service|membership|subscription|contract|account)s? (?:with|to|at|from|for) (?:the )?(?=\w)"
)
_KEPT = Pattern(r"^ ?(?:One|Box|Plus|Plan)\b")
_ABOUT_IT = Pattern(
    r"\b(?:don't|do not|never|no longer|nobody|hardly|barely|rarely|not|doesn't|kids don't) (?:even |really |ever )?(?:use|uses|watch|watches|listen to|read|reads|need|want|wear|play|go to|like)s? (?P<a>[^,.;!?]{2,40})"
    r"|\b(?:done with|finished with|sick of|tired of|pay(?:s|ing)? (?:too much )?for|signed up for|charge me for|subscribed to|trial (?:of|for)|subscription (?:to|with|for)|membership (?:at|with|to)|end it with|sending me|goodbye to|out of my|it: )\s?(?P<b>[^,.;!?]{2,40})"
    r"|\b(?:my|our|the) (?P<c>[^,.;!?]{2,30}?) (?:trial|subscription|membership|plan|renews|ends|expires)\b"
    r"|^(?P<d>[^,.;!?:]{2,30})[:?]|\bcancel (?P<e>[a-z+]{3,20}) (?:trial)\b"
    r"|\b(?:wants?|needs?|like|have|get) (?P<f>[^,.;!?]{2,40}?) (?:to be )?(?:cancelled|terminated|discontinued|stopped|ended)\b"
)
_LETTERS_MIN = 4
_AND = Pattern(
    r"(?: subscriptions?| memberships?)? ?(?:,? and|,|&| plus)(?: also| then)? (?!(?:please|thanks|thank|i|we|it|don't|do|tell|let|send|confirm|give|make|get|refund|stop|remove|delete|change|book|order|reorder|buy|reserve|cancel|the rest|no|not|wait|actually|can|could|so|that|effective|by|before|all|then|remind|email|text|pay)\b)"
)
_CORRECTION = Pattern(r"\b(?:no wait|no|wait|actually|i mean|rather|sorry)\b,? ?")
_HOLLOW = Pattern(
    r"(?:subscription|membership|plan|trial|service|one|it|that|this|them|some|any|cancel|cancelling|help|want|need|like|subscriptions|memberships|something|account|terminate|discontinue|unsubscribe|end|stop)s?"
)
_LOW_WORDS = Pattern(
    r"\b(?:can|could|would|will|you|hey|hi|hello|i|we|please|want|need|like|have|to|go|ahead|help|with|and|the|my|a|an|of|get|is|be|should|must|time|it's|for|me|us|do|how|possible|it|think|mind|by|mistake|out|any|what|when|your|love|forgot|am|are|good|morning|favor|make|sure)\b"
)
_CAPITALS = Pattern(
    r"(?<=[a-z,'\"] )(?!(?:I|OK)\b|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:January|February|March|April|May|June|July|August|September|October|November|December)\b)[A-Z][\w+]*(?: [A-Z0-9][\w+]*)*"
)
"""Capitals within a sentence, where English has them for names alone."""
_WORD = Pattern(r"[a-z0-9+]+")


def find_subjects(text: Text, cue: Cue, subscriptions: Sequence[str]) -> tuple[Slot[Subject], ...]:
    """What is to be cancelled; its name is empty if none was said, and there are two if two were."""
    if cue.kind is not Kind.SUBSCRIPTION:
        return (Slot(value=Subject(kind=cue.kind), spans=(text.span(cue.clause.start, cue.clause.end),)),)
    known, named = _known(text, subscriptions), _named(text, cue)
    return known if known and len(named) < 2 else named


def _named(text: Text, cue: Cue) -> tuple[Slot[Subject], ...]:
    """The name, or the two, at the likeliest place that has one."""
    for start, end in _places(text.words, cue):
        found = _name(text, start, end)
        if found is not None:
            return (found, *_another(text, found, cue))
    return (_written_like_a_name(text, cue) or Slot(value=Subject(kind=Kind.SUBSCRIPTION), spans=()),)


def _written_like_a_name(text: Text, cue: Cue) -> Slot[Subject] | None:
    """What "it" or "that subscription" points back to: the last words before it that are written as a name is."""
    said = text.raw[: text.ends[cue.at - 1]] if cue.at else ""
    names = [match for match in _CAPITALS.finditer(said) if not _LOW_WORDS.fullmatch(match[0].lower())]
    if not names:
        return None
    name = names[-1][0]
    told = f"{name} was taken for what is to end."
    subject = Subject(kind=Kind.SUBSCRIPTION, name=name)
    return Slot(value=subject, spans=(Span(*names[-1].span()),), inferred=True, taken_for=told)


def _another(text: Text, found: Slot[Subject], cue: Cue) -> tuple[Slot[Subject], ...]:
    """The second of two names: cancel Spotify and Hulu."""
    behind = next((at for at, start in enumerate(text.starts) if start >= found.spans[0].end), len(text.words))
    link = _AND.match(text.words, behind)
    also = _name(text, link.end(), cue.clause.end) if link and link.end() < cue.clause.end else None
    return (also,) if also else ()


def _places(words: str, cue: Cue) -> list[tuple[int, int]]:
    """Where the name may stand, the likeliest first."""
    corrections = _CORRECTION.finditer(words, cue.at, cue.clause.end)
    places = [(correction.end(), cue.clause.end) for correction in corrections]
    if another := re.match(r"\W*(?:no|wait|actually|i mean|sorry|rather)\b", words[cue.clause.end :]):
        places.insert(0, (cue.clause.end + another.end(), len(words)))
    places.reverse()
    places.append((cue.at, cue.clause.end))
    for match in _ABOUT_IT.finditer(words):
        group = match.lastgroup or "a"
        places.append(match.span(group))
    places.append((cue.clause.start, max(cue.clause.start, cue.at)))
    return places


def _name(text: Text, start: int, end: int) -> Slot[Subject] | None:
    words = text.words
    lead = _LEAD.match(words[start:end])
    start += lead.end() if lead else 0
    if excluded(words, start):
        return None
    stop = _STOPS.search(words, start, end)
    end = stop.start() if stop else end
    if holder := _HOLDER.search(words, start, end):
        start = holder.end()
    tail = _TAIL.search(words[start:end])
    if tail and tail.start() and not _KEPT.search(text.said(start + tail.start(), end)):
        end = start + tail.start()
    name = words[start:end]
    if not re.search(r"[^\W_]{2}", name) or _HOLLOW.fullmatch(name) or len(name) > 60:
        return None
    if not _LOW_WORDS.sub("", name).strip(" ,.'"):
        return None
    if name.endswith(" cancel"):
        end -= len(" cancel")
    if re.match(r"(?:can|could|would|will|i|i'd|we|please|hey|hi|how|is|what|help|go|do) ", name):
        return None
    return Slot(value=Subject(kind=Kind.SUBSCRIPTION, name=text.said(start, end)), spans=(text.span(start, end),))


def _known(text: Text, subscriptions: Sequence[str]) -> tuple[Slot[Subject], ...]:
    """Those of the household's own that the words name."""
    said = [(match[0], match.start(), match.end()) for match in _WORD.finditer(text.words)]
    hits = sorted(
        (start, end, subscription, said_so)
        for subscription in subscriptions
        for word, start, end in said
        if (said_so := _means(word, subscription)) is not None and not excluded(text.words, start)
    )
    if len(hits) > 1 and corrects(text.words, hits[0][1], hits[-1][0]):
        hits = hits[-1:]
    found = {name: _as_known(text, start, end, name, exact=exact) for start, end, name, exact in reversed(hits)}
    return tuple(found.values())[::-1]


def _means(word: str, subscription: str) -> bool | None:
    """Whether the word is the name's first, exactly or by a slip; None if it is not. Short words are no sign."""
    first = next(iter(_WORD.findall(subscription.lower())), "")
    if word == first and (len(first) >= _LETTERS_MIN or first == subscription.lower()):
        return True
    return False if len(first) >= 6 and one_slip_apart(word, first) else None


def _as_known(text: Text, start: int, end: int, name: str, *, exact: bool) -> Slot[Subject]:
    inferred = not exact or name.lower() not in text.words
    told = f'"{text.said(start, end)}" was taken for {name}.' if inferred else ""
    subject = Subject(kind=Kind.SUBSCRIPTION, name=name)
    return Slot(value=subject, spans=(text.span(start, end),), inferred=inferred, taken_for=told)

"""Where: the name of a place, what kind of place, which part of town, and under whose name.

A name stands behind "at", "called" or "to"; it ends where the sentence goes on. The words are searched after days,
hours and people have been taken out of them, so that "at 7" is never a place.
"""

import re
from typing import NamedTuple

from haloop.desks.errands.words.found import Found
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.text import TAKEN, Text

_STOP = (
    r"(?:for|on|at|in|with|under|by|around|about|from|to|and (?:book|reserve|then|i|we|make|get|the name)|please|pls|thanks?|tonight|today|tomorrow|that|which|who|where"
    r"|if|but|so|because|near|close to|instead|has|have|is|are|will|would|can|could|serving|serves?|as|when|this|next|book|reserve|party|table|using|since|like|not|immediately|asap|now|itself|it's|its|i|we|my|me)\b"
)
_WORD = rf"(?!{_STOP})[^\s,.;!?{TAKEN}()\"]+(?:\.(?=\w)[^\s,.;!?{TAKEN}]+)?"
_NAME = rf"(?P<name>{_WORD}(?: {_WORD}){{0,5}})"
_KIND = (
    r"(?:restaurant|restaurants|bar|pub|bistro|brasserie|cafe|café|diner|steakhouse|steak house|pizzeria|taverna|tavern|gastropub|food truck|bakery|cafeteria|joint|eatery|grill"
    r"|trattoria|osteria|tapas bar|wine bar|sushi bar|coffee shop|tea house|teahouse|tea room|food court|delicatessen|deli|buffet|creperie|churrascaria|ice cream parlor|brewery|brewpub"
    r"|bbq|barbecue|smokehouse|fast food|oyster bar|rotisserie|indian|italian|chinese|thai|mexican|french|japanese|korean|vietnamese|greek|spanish|turkish|lebanese|ethiopian|sushi|ramen|tapas|pizza|seafood|vegan|place|spot|somewhere)"
)
_QUOTED = Pattern(r"\"(?P<name>[^\"]{2,60})\"|(?<!\w)'(?P<name2>[^']{2,60})'(?!\w)")
_AT = Pattern(
    rf"\b(?:at|@) (?!the (?:restaurant|place|moment|latest|same|door|bar|counter|window|beginning|end)\b|(?:a|an|any|some|my|our|this|that|their|least|once|all|home|night|first|present)\b){_NAME}"
)
_CALLED = Pattern(rf"\b(?:called|named|restaurant name is|place is) {_NAME}")
_TO = Pattern(
    rf"\b(?:(?:go|going|come|get|over|out|dinner|lunch) to|in at|try|take (?:\S+ ){{1,3}}to) (?!(?:the (?:bar|restaurant|table))\b|(?:a|an|any|some|my|our|make|eat|book|have|dinner|lunch|see|get|do|be|cancel|change|lunch|breakfast)\b){_NAME}"
)
_HAS = Pattern(
    rf"\b(?:whether|if) (?!(?:you|i|we|they|there|it|he|she|possible|the|a|any\w*|some\w*|my|our)\b){_NAME}(?= (?:can|could|has|have|would)\b)"
)
_BARE = Pattern(
    r"^(?:hey |hi |please )?(?:book|reserve) (?:me |us )?(?!(?:a|an|the|me|us|my|our|it|for|at|in|one|two|three|table|tables|dinner|lunch|brunch|breakfast|supper|restaurant|that|this|something|somewhere|with|on|now|please)\b)"
    + _NAME
)
_AREA = Pattern(
    rf"\b(?:in|near|around|close to|by|not far from|downtown) (?!(?:the (?:restaurant|morning|afternoon|evening|back|front|name|city|area|same|next|corner|window|shade|sun|middle|near|future|party|group|room)\b|a|an|any|my|our|total|advance|case|time|which|that|it|here|me|us|about|order|to|touch|mind|there|on|at)\b){_NAME.replace('name', 'area')}(?:, (?P<more>{_WORD}(?: {_WORD}){{0,2}}))?"
)
_SORT = Pattern(
    rf"\b(?:a|an|any|some|the|nice|good|nearby|local|popular|best|find me|book) (?P<kind>(?:(?!{_STOP})[a-z'-]+ ){{0,3}}{_KIND})\b(?! (?:for|of) (?:us|me)\b)"
)
_UNDER = Pattern(
    rf"\b(?:under(?: the)?(?: name)?(?: of)?|(?:in|with|for|by) the name(?: of)?|name is|name's|i am called|call me|name of) (?!(?:the|a|name|my|our|and)\b)(?P<under>{_WORD}(?: {_WORD}){{0,2}})"
)
_FIRST = Pattern(rf"^{_NAME}$")
_NOT_A_NAME = Pattern(
    r"(?:table|reservation|booking|dinner|lunch|brunch|breakfast|book|please|hi|hello|hey|thanks|people|yes|no|ok|okay|sure|someone|somewhere|anywhere|restaurant|once|least|night|it|that|this|there|here|outside|inside|cancel|order)\b.*"
)
_LEAD = Pattern(r"^(?:the )?(?:restaurant|(?:bar|cafe|pub)(?= called| named))(?: called| named)? ")


class Where(NamedTuple):
    """All that was said about the place; each may be missing."""

    place: Found[str] | None = None
    area: Found[str] | None = None
    under: Found[str] | None = None


def find_where(text: Text, words: str) -> Where:
    """Find the place in what days, hours and people have left of the words."""
    under = _first(text, words, _UNDER, "under")
    if under:
        words = words[: under.start] + TAKEN * (under.end - under.start) + words[under.end :]
    place = _quoted(text, words)
    for pattern in (_AT, _CALLED, _TO, _HAS):
        place = place or _first(text, words, pattern, "name")
    if place:
        words = words[: place.start] + TAKEN * (place.end - place.start) + words[place.end :]
    area = _first(text, words, _AREA, "area")
    place = place or _first(text, words, _BARE, "name") or _first(text, words, _SORT, "kind") or _alone(text, words)
    return Where(place, area, under)


def _first(text: Text, words: str, pattern: Pattern, group: str) -> Found[str] | None:
    for match in pattern.finditer(words):
        end = match.end("more") if "more" in pattern.compiled.groupindex and match["more"] else match.end(group)
        found = _tidy(text, words, match.start(group), end)
        if found:
            return found
    return None


def _quoted(text: Text, words: str) -> Found[str] | None:
    match = _QUOTED.search(words)
    if match is None:
        return None
    group = "name" if match["name"] else "name2"
    return _tidy(text, words, match.start(group), match.end(group))


def _alone(text: Text, words: str) -> Found[str] | None:
    """A name between commas: "two people, Friday, 7pm, Zuni Cafe please"; it must be written like one."""
    at = 0
    for part in re.split(r"[,;]", words):
        start = at
        at += len(part) + 1
        bare = re.sub(r"\b(?:please|thanks|thank you)\b.*", "", part)
        left = bare.strip(f" {TAKEN}.!?-")
        if not left or TAKEN in left or not _FIRST.match(left) or _NOT_A_NAME.fullmatch(left):
            continue
        start += bare.index(left)
        if len(left) < len(words.strip()) and (text.said(start, start + 1).isupper() or TAKEN in part):
            return _tidy(text, words, start, start + len(left))
    return None


def _tidy(text: Text, words: str, start: int, end: int) -> Found[str] | None:
    """Without what belongs to the sentence and not to the name."""
    lead = _LEAD.match(words[start:end])
    if lead and lead.end() < end - start:
        start += lead.end()
    while start < end and (words[start] in " -:'\"" or words[start] == TAKEN):
        start += 1
    while start < end and words[end - 1] in " -:'\"":
        end -= 1
    if start >= end or not re.search(r"[^\W\d_]", words[start:end]) or _NOT_A_NAME.fullmatch(words[start:end]):
        return None
    return Found(start, end, text.said(start, end))

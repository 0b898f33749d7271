"""What to order again: two bags of cat food, the usual coffee, everything from last time.

Each piece of a list is a quantity, a unit and a name. "The usual" is looked up in the orders of the household: the
newest one that has such an item, or the whole newest order if no item is named. Words match an item if they share
their stem or are one slip away; a name that two items fit equally well is left as it was said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from haloop.desks.errands.words.clauses import corrects, excluded
from haloop.desks.errands.words.cues import Cue
from haloop.desks.errands.words.number import NUMBER, number
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Item, PastOrder, Slot
from haloop.desks.errands.words.spelling import one_slip_apart
from haloop.desks.errands.words.text import Text

ITEMS_MAX = 20
_QUANTITY_MAX = 999
_UNIT = r"(?:packs?|packets?|bags?|boxes|box|bottles?|cans?|tins?|jars?|cartons?|cases?|rolls?|tubes?|tubs?|bars?|pairs?|sets?|bunch(?:es)?|loaf|loaves|kilos?|kg|g|grams?|lbs?|pounds?|oz|ounces?|lit(?:er|re)s?|l|ml|gallons?|pints?|pieces?|units?|sticks?|sacks?|trays?|multipacks?)"
_LEAD = Pattern(
    r"^(?:[ ,:;\x1f-]|(?:and|also|plus|oh|please|me|us|for (?:me|us)|to|then|now|again|of|get|order|buy|purchase|reorder|have|put in|the|my|our|his|her|that|those|these|this|some|any|more|of|usual|same|regular|normal|fresh|new|extra|a few|few|additional|replacement|there is|there's|there are|only|just|send|bring|fetch|repeat|on|with|from|it's time for|you|can|could|would|do|love|i'd|need|want|use|no|not|wait|actually|make it|really|all|up on|up|we|i)\b)+"
)
_AMOUNT = Pattern(
    rf"^(?:(?P<fraction>half a|half|a quarter of a|\d+[.,]\d+) ?(?P<funit>{_UNIT}) (?:of )?|(?:another (?={NUMBER}\b))?(?P<count>{NUMBER}|an?|another|one)(?: ?x\b|\b) ?(?:more |other |extra |new |another )?(?:(?P<unit>{_UNIT})\b (?:of )?|(?P<bare>(?={_UNIT}$)))?)"
)
_ONLY_AMOUNT = Pattern(
    rf"(?:another )?(?P<count>{NUMBER})(?: more| other)? ?(?P<unit>{_UNIT})?(?: more)?(?: of (?:them|those|each))?"
)
_TAIL = Pattern(
    r"(?:[ ,.!?:;\x1f-]|\b(?:please|thanks|thank you|again|for (?:me|us|the (?:kids|cat|dog|house|office|printer|week))|as (?:before|usual|always|last time)|from (?:the )?(?:shop|store|amazon|walmart|costco|target|supermarket|last time)(?:\.com)?|on amazon|online|asap|now|today|tomorrow|would you|will you|"
    r"can you|could you|if you can|in|that we like|we like|i like|we always get|i always get|the (?:one|ones) i always get|i had|we had|same (?:brand|ones?|kind|as before|as last time)|the usual(?: ones?)?|i bought|too|as well|left|in the house|at home|order|reorder|restock|refilled|ordered|delivered|ran out|is gone|ones|more|some|at the shop|to the house|but in .*|this week|right away|soon|immediately|also|out|we|i'm|i|so)\b)+$"
)
_SPLIT = Pattern(r"\s*(?:,|;|\band\b(?! (?:cheese|jelly)\b)|&|\bplus\b|\+(?= ))\s*")
_STOPS = Pattern(
    r"(?:[.!?;\n](?=\s|$)| - |\bwhat (?:i|we)\b| (?:that |which )?(?:i|we) (?:had|got|get|bought|ordered|like|liked|love|always|usually)\b|,? (?:so|because|since|as soon as|before|by (?:friday|monday|tomorrow)|like (?:last time|always)|the same|same (?:brand|as|ones?|kind)|like (?:the )?last time|as (?:last|before|always|usual|every)|but|when|while|if|i (?:ran|am|need)|will you|would you|can you|could you|the one)\b)"
)
_EMPTY = Pattern(
    r"(?:usual|usuals|same|it|that|them|this|last|order|orders|thing|things|stuff|everything|all|the|my|one|purchase|time|regular|what|items?|products?|something|anything|shop|shopping|list|weekly|normal|supplies|again|week|before|another|me|us|here|there|got|had|have|repeat|standing|lot|of|some|more|as|always|go|request|new|online|article|goods|placed?|amazon|store|place|ordered|bought|an|a|in|for|to|on|grocery|procedure|every|whatever|like|week's|month's|basket|yesterday|(?:mon|tues|wednes|thurs|fri|satur|sun)day|both|each|exactly|kind|sort|brand|help|number|put|from|be|with|new|i|we|do|did|please|just|also)(?: |$)"
)
_USUAL = Pattern(
    r"\b(?:usual|usuals|regular|same|normal|standing|last (?:\S+ )?(?:order|purchase|time|basket|list|week)|weekly shop|as (?:always|before)|previous|again|what (?:i|we) (?:had|got|bought|ordered)|everything (?:i|we))\b"
)
_ONLY_UNIT = Pattern(_UNIT)
_OUT_OF = Pattern(
    r"\b(?:out of|low on|short on|no more|(?:hardly|barely|scarcely) any(?: more)?|(?:not|\w+n't)(?: \w+)? (?:any|much|many)(?: more)?(?: left)?(?: of)?)\s"
)
_GONE = Pattern(
    r"\b(?:(?:(?:is|are|was|were|has|have) )?(?:nearly |almost |all |just |now )?(?:gone|ran out|ran low|running out|running low|run out|all out|finished|empty|used up)|left(?= and| so|$|[.,;!])|refilled|ordered|needed|again|reorder|re-order)\b"
)
_USED_UP = Pattern(
    r"\b(?:used up|finished|went through|need|needs|(?:eaten|drunk|ate|drank|emptied|used|(?:almost|nearly) through)(?: up)?(?= all | the | our | my ))\s"
)
_LISTED = Pattern(r"(?<!\w)(?P<mark>[\"'])(?P<list>[^\"']{2,80})(?P=mark)(?!\w)")
_ADDED = Pattern(rf"[\s.!?;-]*(?:(?:and|also|plus|oh)\b|(?={NUMBER}\b))")
_BEGINS = Pattern(r"[.!?;,\n]|\b(?:says|that)\b")
_SENTENCE_END = Pattern(r"[.!?;\n](?=\s|$)")
_NO_THING = Pattern(
    r"\b(?:i|we|you|he|she|they|it|me|us|him|them|who|is|are|was|were|am|re|ve|ll|be|been|do|does|did|don't|doesn't|didn't|won't|can't|haven't|isn't|aren't|has|had|said|says|say|asked|told|wrote|hi|hello|hey|dear|not|never|nearly|almost|if|because|wants?)\b"
)
"""No name of goods has such words; a sentence has."""
_WORD = Pattern(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Goods:
    """The items, and whether they are the usual ones."""

    items: tuple[Slot[Item], ...]
    usual: bool


def find_goods(text: Text, cue: Cue, history: Sequence[PastOrder]) -> Goods:
    """Read the list behind the verb, or before it, and look the usual up."""
    said = _listed(text, cue)
    usual = bool(_USUAL.search(text.words))
    if not said and usual and history:
        return Goods(whole(history[0]), usual)
    return Goods(tuple(as_bought(slot, history) for slot in said), usual)


def whole(order: PastOrder) -> tuple[Slot[Item], ...]:
    """All that was in an order."""
    told = f"The usual was taken for your order {order.id}."
    return tuple(
        Slot(
            value=Item(name=one.name, quantity=one.quantity, unit=one.unit, order=order.id),
            spans=(),
            inferred=True,
            taken_for=told,
        )
        for one in list(order.items)[:ITEMS_MAX]
    )


def as_bought(slot: Slot[Item], history: Sequence[PastOrder]) -> Slot[Item]:
    """The item as the household bought it last, if one item of some order fits best."""
    said = slot.value
    for order in history:
        fits = sorted(((_fit(said.name, one.name), one.name) for one in order.items), reverse=True)
        if fits and fits[0][0] >= _FIT_MIN and (len(fits) == 1 or fits[0][0] > fits[1][0]):
            bought = fits[0][1]
            told = f'"{said.name}" was taken for {bought} from your order {order.id}.'
            item = Item(name=bought, quantity=said.quantity, unit=said.unit, order=order.id)
            return Slot(value=item, spans=slot.spans, inferred=True, taken_for=told)
    return slot


def _listed(text: Text, cue: Cue) -> list[Slot[Item]]:
    """The pieces of the list, from the first place where there is one."""
    words = text.words
    clause_start, clause_end = cue.clause.start, cue.clause.end
    places = [(cue.at, clause_end)]
    places += [(found.end(), len(words)) for found in (*_OUT_OF.finditer(words), *_USED_UP.finditer(words))]
    places += [(_sentence_start(words, found.start()), found.start()) for found in _GONE.finditer(words)]
    places += [found.span("list") for found in _LISTED.finditer(words)]
    places += [(clause_start, cue.at)]
    for start, end in places:
        items = _pieces(text, start, end)
        if items and start == cue.at:
            return items + _pieces_after(text, clause_end)
        if items:
            return _with_amount_of(items, words[cue.at : clause_end])
    return _pieces_after(text, clause_end)


def _with_amount_of(items: list[Slot[Item]], words: str) -> list[Slot[Item]]:
    """How many of the one thing that was named before: the eggs are gone, order a dozen."""
    said = (_ONLY_AMOUNT.fullmatch(piece.strip(" .!?")) for piece in _SPLIT.split(words))
    amount = next((match for match in said if match), None)
    if amount is None or len(items) > 1:
        return items
    return [_with_amount(items[0], number(amount["count"]) or 1, amount["unit"] or "")]


def _sentence_start(words: str, at: int) -> int:
    return max((found.end() for found in _BEGINS.finditer(words, 0, at)), default=0)


def _pieces_after(text: Text, start: int) -> list[Slot[Item]]:
    """What later sentences add to the list."""
    items: list[Slot[Item]] = []
    while more := _ADDED.match(text.words, start):
        stop = _SENTENCE_END.search(text.words, more.end())
        start = stop.start() if stop else len(text.words)
        items += _pieces(text, more.end(), start)
    return items


def _pieces(text: Text, start: int, end: int) -> list[Slot[Item]]:
    stop = _STOPS.search(text.words, start + _matched(_LEAD, text.words[start:end]), end)
    end = stop.start() if stop else end
    items: list[Slot[Item]] = []
    at = start
    for gap in (*_SPLIT.finditer(text.words, start, end), None):
        piece_end = gap.start() if gap else end
        amount = _ONLY_AMOUNT.fullmatch(text.words[at:piece_end].strip(" .!?"))
        if amount and items:
            items[-1] = _with_amount(items[-1], number(amount["count"]) or 1, amount["unit"] or "")
        item = None if amount else _piece(text, at, piece_end)
        if item is not None and not excluded(text.words, at):
            if items and corrects(text.words, max(start, at - 3), item.spans[0].start + 1):
                items.pop()
            items.append(item)
        at = gap.end() if gap else end
    return items[:ITEMS_MAX]


def _piece(text: Text, start: int, end: int) -> Slot[Item] | None:
    words = text.words
    start += _matched(_LEAD, words[start:end])
    said, unit, quantity = start, "", 1
    amount = _AMOUNT.match(words[start:end])
    if amount and amount.end():
        quantity = number(amount["count"]) or 1 if amount["count"] else 1
        unit = (amount["unit"] or "").strip() if amount["count"] else f"{amount['fraction']} {amount['funit']}"
        start += amount.end()
        start += _matched(_LEAD, words[start:end])
    tail = _TAIL.search(words[start:end])
    end = start + tail.start() if tail else end
    name = words[start:end].strip()
    while name and (hollow := _EMPTY.match(name)):
        name = name[hollow.end() :]
    if (
        not name
        or not re.search(r"[^\W\d_]{2}", name)
        or _NO_THING.search(name)
        or _ONLY_UNIT.fullmatch(name)
        or not 0 < quantity <= _QUANTITY_MAX
    ):
        return None
    start = words.rindex(name, start, end)
    span = text.span(said, start + len(name))
    return Slot(value=Item(name=name, quantity=quantity, unit=unit), spans=(span,))


def _with_amount(slot: Slot[Item], quantity: int, unit: str) -> Slot[Item]:
    return replace(slot, value=replace(slot.value, quantity=quantity, unit=unit))


def _matched(pattern: Pattern, words: str) -> int:
    match = pattern.match(words)
    return match.end() if match else 0


_FIT_MIN = 0.99


def _fit(said: str, bought: str) -> float:
    """How well the words fit the name: all of them must be in it; the fewer words it has besides, the better."""
    wanted, there = _stems(said), _stems(bought)
    if not wanted or not all(any(_alike(word, other) for other in there) for word in wanted):
        return 0.0
    return 1.0 + len(wanted) / max(len(there), 1)


def _stems(name: str) -> list[str]:
    return [word[:-1] if word.endswith("s") and len(word) > 3 else word for word in _WORD.findall(name.lower())]


def _alike(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= 5 and one_slip_apart(one, other))

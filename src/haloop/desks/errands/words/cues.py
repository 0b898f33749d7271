"""Which verb somebody means, by the words that people use for it.

A cue is strong where its words can hardly mean anything else, weak where they need the second opinion behind them.
Much that sounds alike is no request: a question about a fee, a thing already done, a hotel, a reminder. Such
clauses have no verb, whatever else they say.
"""

import re
from typing import NamedTuple

from haloop.desks.errands.words.clauses import Clause, corrects
from haloop.desks.errands.words.pattern import Pattern
from haloop.desks.errands.words.reading import Kind, Verb


class Cue(NamedTuple):
    """A verb, how plainly it was said, and in which clause."""

    verb: Verb
    clause: Clause
    at: int
    """Behind the words that say it; what it is about follows."""
    kind: Kind = Kind.SUBSCRIPTION
    strong: bool = False


_MEAL = r"(?:dinner|lunch|brunch|breakfast|supper|luncheon|meal|date night)"
_EATERY = (
    r"(?:restaurants?|bars?|pubs?|bistros?|brasseries?|caf[eé]s?|diners?|steak ?houses?|pizzerias?|tavernas?|taverns?|gastropubs?|food trucks?|bakery|bakeries|cafeterias?|eatery|eateries|grill"
    r"|trattorias?|osterias?|coffee shops?|tea houses?|teahouses?|food courts?|delicatessens?|delis?|buffets?|creperies?|churrascarias?|ice cream parlou?rs?|brewery|breweries|brewpubs?|fast food|joints?|oyster bars?"
    r"|rotisseries?|smokehouses?|sushi|ramen|tapas|bbq|barbecue|tea rooms?|dining)"
)
_TABLE = r"(?:tables?|booths?|reservations?|bookings?|seats?|seating|spots?|slots?)"
_SERVICE = (
    r"(?:appointments?|haircuts?|hair cut|hair ?dresser|hair ?stylist|stylist|barber|salon|manicures?|pedicures?|mani[- ]pedi|massages?|facials?|spa (?:day|treatment|session)|waxing|dentist|dental|doctor|physician|check-?up"
    r"|gynecologist|dermatologist|optometrist|eye doctor|eye exam|chiropractor|therapist|physio(?:therapist)?|hygienist|nail (?:salon|appointment)|beauty treatment)"
)
_N = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a couple|me|us|my|myself)"

AN_APPOINTMENT = Pattern(rf"\b{_SERVICE}\b")
_NOT_A_TABLE = Pattern(
    r"\b(?:airbnb|lodging|accommodations?|place to stay|somewhere to stay|staying|overnight|nights|flights?|fly|flying|airline|airport|plane|train|trains|bus|buses|coach ticket|ferry|cruise|rental|rent|taxi|cab|uber|lyft|ride|limo|shuttle"
    r"|tickets?|movies?|films?|showtimes?|concerts?|show times|game(?! pass)|match|event|events|meetings?|conference|call with|zoom|vacation|pto|time off|holiday|playlist|songs?|album|track|artist|novel|textbook|chapter|author|essay|saga|ebook"
    r"|bookmark|stars?(?= out| for)|out of (?:6|six|5|five)|rating of|rate|points?|weather|forecast|temperature|calendar|remind|reminder|alarm|timer|oil|convertible|suv|sedan|vans?|(?<!food )trucks?|maintenance|tires?|mechanic|tune[- ]?up|plumber|electrician|contractor|vet|lesson"
    r"|apartment|flat|property|viewing|tv|television|periodic table|multiplication table|table of contents|pool table|coffee table|(?:dinner|breakfast|dining) table(?! (?:on|for|at|tonight|tomorrow)\b)|table tennis|table salt|table lamp|from (?:\S+ ){1,3}(?:to|through|until|till) (?!\d{1,2}(?::| ?[ap]m| people))[a-z\d]+)\b"
)
_PERHAPS_NOT_A_TABLE = Pattern(
    r"\b(?:hotels?|motels?|hostels?|rooms?|suites?|stay|resort|cars?|parking|cinema|theater|theatre|shows?|museum|trip|tour|travel|music|class|court|field|studio|wedding|house for|delta|venue)\b"
)
_SURELY_A_TABLE = Pattern(
    rf"\b(?:tables?|booths?|seats?|seating|{_MEAL}|eat|dine)\b|\b{_EATERY}\b|\bparty of\b|\b(?:any|enough|some|have|got) room for\b|\b(?:restaurant|dinner|lunch) reservation"
)
_ABOUT_RATHER_THAN_FOR = Pattern(
    r"\b(?:takes?|accepts?|accepting|taking|allows?|does|do|need|require) (?:\w+ ){0,2}reservations\b(?! for| at| in)|\breservations (?:taken|accepted|allowed|needed|required)\b"
    r"|\b(?:how busy|how long|wait times?|wait for|(?:have|had) to wait|where to go|where (?:do|should|shall) (?:you|we|i|people)|reviews?|review|reservation number|rated well|directions|address|phone number|opening hours|menu)\b"
    r"|\b(?:confirm|verify|double[- ]check|confirmation|check (?:on|if|that|my|the|whether|to see if (?:i|my|there)|to make)|look up|move|modify|reschedule|re-schedule|amend|update|rebook|push back|postpone|transfer|extend|reset|change|alter|edit|switch)\b"
    r"|\b(?:do|did|have|had|has|is|was|are|were) (?:i|we|my|our|there|the|he|she|they) (?:\w+ ){0,3}(?:reservations?|bookings?|booked|table booked|tables? reserved|appointments?)\b(?! for| available)"
    r"|\b(?:make sure|ensure) (?:\w+ ){0,4}(?:reservations?|booking)\b|\bwhat (?:time|name|day|date) (?:is|was|are|did|should|do|does)\b|\bwhen (?:is|was|are) my\b|\b(?:recommend|suggest|suggestions?|recommendations?)\b(?!ed)"
)
_TAKES_IT = Pattern(r"\b(?:take|book|reserve|grab) (?:it|that|one)\b")
_NOTES = Pattern(
    r"\b(?:remind|reminder|reminders|reminding|alarm|timer|calendar|to-?do|to do list|notify|notification|alert|schedule a (?:meeting|call)|note to|take a note|tell me (?:a|about|how|what|when|why|who|the)|translate|in (?:french|spanish|german|italian|japanese|chinese)(?=$|[,?.!])|how do you say|how would i say|definition|define|spell|synonym)\b"
)
_LISTS = Pattern(
    r"\b(?:shopping|grocery|groceries|to-?do|wish|shoping) ?lists?\b|\b(?:add|put|remove|delete|take|include)\b.{1,60}\b(?:lists?|cart|basket|calendar)\b|\blist of (?:things|groceries|items) to\b"
)
_WHOLE_LIST = Pattern(r"\b(?:orders?|ordered|buy|bought|purchase)\b|\b(?:everything|all|entire|whole)\b.*\blist\b")
_NOT_ASKED = Pattern(
    r"\b(?:already|just|yesterday|last (?:week|night|month)) (?:booked|ordered|bought|cancelled|reserved|made)\b|\b(?:booked|ordered|bought|cancelled|reserved) (?:\S+ ){0,4}(?:yesterday|already|last (?:week|night|month|friday|monday))\b"
    r"|\bwhy (?:did|was|were|is|are|has|have|do|does|can't)\b|\bwho (?:made|booked|ordered|cancelled|wrote|is|was)\b|\b(?:i|we|he|she|they) (?:read|wrote|saw|heard)\b|^(?:so |and )?do (?:i|we) (?:have|need)\b|\b(?:with|turn (?:on|off)|dim|switch) the lights?\b|\bdid (?:you|i|we|they|it|my|the)\b|\bwhat (?:happens|if)\b|\bwould (?:it|i) (?:cost|be charged)\b"
)

_ASKS = r"(?:book|reserve|make|get|have|need|want|would like|'d like|'d love|would love|arrange|set (?:up|me)|schedule|place|find|secure|request|do|create|give|looking (?:for|to)|look for|put (?:in|me|us)|save|hold|grab|see if|is there|any chance|require|try for|help|fix (?:me|us)|squeeze|let's|call|may i|can (?:i|we)|could (?:i|we)|possible|available|availability|seeking|hoping|prefer|wish|add|organi[sz]e|ask for|sort)"
_WANTS_TO = (
    r"(?:want(?:s|ing)?|like|love|wish|need|needs|let's|lets|plan(?:ning)?|going|looking|thinking of|craving|hoping)"
)
_BOOK_STRONG = Pattern(
    rf"\b(?P<it>book|reserve|booking|reserving)\b(?: (?!(?:is|was|has|that i)\b)[^\s]+){{0,9}}? (?:{_TABLE}|{_MEAL}|{_EATERY})\b"
    rf"|\b(?P<it2>{_ASKS}|i'm|hey|hi)\b(?: [^\s]+){{0,9}}? (?:{_TABLE.replace('slots?', 'dinner slot').replace('seats?|seating|spots?|', '')})\b"
    rf"|\b(?P<it3>tables?|reservations?|booth|bookings?) (?:for|4|of) (?:{_N}|\x1f|a party|the)|\b(?P<it9>tables?|reservations?) (?:is |are )?available\b|\b(?P<it7>seats?|seating|spots?) for (?:{_N}|\x1f|a party)|\b(?:want|need|like|get|find|have)\b.*\b(?P<it8>{_EATERY})\b.*\b(?:for|seats?|party of) {_N}\b|\b(?P<it4>reservations?) (?:at|in|under|on|to)\b|\b(?P<it5>(?:{_MEAL}|table|restaurant) (?:reservations?|booking))\b"
    rf"|\b(?P<it6>{_WANTS_TO})\b(?: [^\s]+){{0,6}}? (?:to )?(?P<eat>eat|dine|have {_MEAL}|grab {_MEAL}|get {_MEAL}|go out (?:to|for) {_MEAL}|go for {_MEAL}|dining) (?:\S+ ){{0,4}}?(?:at|in|with|on|tonight|\x1f)"
)
_BOOK_PLAIN = Pattern(
    r"^(?:\W|(?:hey|hi|hello|please|now|then|so|and|ok|okay|can you|could you|would you|will you|i want to|i need to|i'd like to|i would like to|let's|want to|need to|go ahead and)\b)*(?P<it>book|reserve)\b(?! (?:a |an |the |my |this |that )?(?:of|book|novel|it|that|this|is|was|has|number|club|review|series))"
)
_BOOK_WEAK = Pattern(
    rf"\b(?P<it>book|reserve)\b|\b(?P<it2>{_MEAL})\b (?:for|at|on|with|out|tonight|tomorrow|this|next|\d|\x1f)|\b(?P<it3>{_EATERY})\b|\bparty of (?P<it4>{_N})|\b(?P<it5>somewhere|someplace|place) (?:to (?:eat|dine)|for {_MEAL})|\b(?P<it6>(?:eat|dine|seat|seats|spot) (?:at|in|for))\b|(?P<it7>\b(?:corner|somewhere) for {_N}\b|\b{_N} (?:pax|guests|covers|people|persons|ppl|adults|of us)\b|^{_N} at\b|\b(?:fit|squeeze) (?:me|us) in\b|\b(?:room|space|anything|something|openings?|availability) (?:free |available |open )?for {_N}\b)|\b(?P<it8>eat|dine)\b|\b(?P<it9>tables?)\b"
)
_BOOK_SERVICE = Pattern(
    rf"\b(?:book|reserve|make|get|schedule|need|want|set up|arrange|'d like|would like|find|have)\b(?: [^\s]+){{0,7}}? (?P<it>{_SERVICE})\b"
)

_CONTRACT = r"(?:subscriptions?|subscribed|memberships?|plans?|trials?|services?|renewals?|auto-?renew\w*|pledge|donation|contract|policy|box|deliveries|pass|premium|prime|plus|newsletter)"
_HELD = r"(?:reservations?|bookings?|tables?|booth|dinner|lunch|brunch|breakfast|supper)"
_BOUGHT = r"(?:orders?|purchases?|purchase number|items? (?:i|we) (?:bought|ordered))"
_CANCEL_VERB = Pattern(
    r"\b(?P<it>cancel|cancels|cancelling|cancellation(?: of| for)?(?! (?:notice|e-?mail|letter|confirmation|number|code)\b)|unsubscribe(?: me| us)?(?: from)?|unsubscribing(?: from)?|terminate|discontinue|discontinuing|terminating|annul|call off|calling off|rescind|nullify)\b"
    r"|\b(?:needs?|wants?|get|have|like|be|is|sure|to)\b(?: [^\s]+){0,6}? (?P<done>cancelled|terminated|discontinued|called off|(?:stopped|ended)(?= for good| now| please| before| by|$|[.,!?]))\b"
)
_CANCEL_SOFT = Pattern(
    r"(?<!the )(?<!week )(?<!month )(?<!year )\b(?P<it>(?:end|ending|stop|stopping|drop|dropping|ditch|kill|quit|quitting|close|scrap|scrapping|undo|delete|remove|revoke|void|leave|abort|abandon|withdraw|retract|repeal|disregard|release|nix|axe|unreserve|unbook|forget(?: about)?|lose)(?![ -](?:by|in|at|to|of|on|around|time|up|near|off|enough|together)\b)|shut down|bail on|get (?:me |us )?out of|(?:want|like) out of|put an end to|get rid of|say goodbye to|opt (?:me |us )?out of|take me off|pull out of|back out of|not renew|don't renew|do not renew|doesn't renew|won't renew|turn off (?:the )?auto[- ]?renew\w*(?: for| on)?|no more(?= (?:[\w+'-]+ ){1,3}(?:subscriptions?|memberships?|deliveries|renewals?)\b)|(?:stop|rather not|no longer|not going to|(?:don't|do not|no longer) want to)(?: keep| go on| continue)? pay(?:ing)? for|no longer (?:need|want|require|use|interested in)|(?:don't|do not|doesn't|does not|not going to|not gonna|needn't) (?:need|want|use|require)(?: to keep)?|(?:isn't|is not|aren't|won't be) (?:needed|necessary|required)|won't (?:need|be needing|require|be able to make|make)|will not (?:need|be needing)|can't make|cannot make|changed my mind about|not (?:able|going) to make)\b"
)
_NOT_CANCELLED = Pattern(
    r"\b(?:that|this|it all|everything(?! (?:with|from|at)\b)|all that|what (?:you|i)|(?:last|previous|current|present|latest) (?:command|request|action|task|one|thing|input|instruction|order from you|statement|process|query)|command|request|action|task|process|input|instruction|query|conversation|search|question|alarms?|timers?|reminders?|meetings?|conference|events?|calls?|class|lesson|party|flights?|hotel|room|suite|stay|trip|vacation|pto|time off|airbnb|train|bus|tickets?|ride|uber(?! one| pass| eats)|taxi|cab|car|rental|card|cards|credit|debit|checks?|cheques?|transfer|transaction|payments?|autopay|bill|wire|deposit|loan|insurance|pin|song|music|playlist|track|podcast|volume|game(?! pass)|route(?! one)|navigation|directions|shift|interview|date with|plans for|plans with|noise|download|upload|talking|speaking|news|vibration|light|lights|lamp|phone|wifi|apps?)\b"
)
_FEES = Pattern(
    r"\b(?:cancell?ation|cancell?ing|termination|early termination|exit|withdrawal) (?:fees?|charges?|penalt(?:y|ies)|polic(?:y|ies)|costs?|terms|periods?|rules?)\b|\b(?:fees?|penalt(?:y|ies)|charged?|costs?|polic(?:y|ies))(?: \S+){0,3} (?:for|to|if|when|of|on|about|regarding) (?:\S+ ){0,3}(?:cancel\w*|terminat\w*)\b"
    r"|\bhow much\b|\bcancell?ation (?:fee|charge)|\brefund"
)
_CANCEL_FACT = Pattern(
    r"^(?:(?:can|could|would) you tell me )?(?:when|which|was|were|has|have|is (?:my|the|netflix))\b|\bsubscri(?:be|bing) (?:to|me)\b(?!.*\bcancel)|\bsign me up\b|\bstatus\b|\bdo (?:i|you) have any\b|\b(?:problem|trouble|issue|error)s? (?:with )?(?:signing|subscri)"
)

_AGAIN = Pattern(
    r"\b(?P<it>re-?order(?:ing)?|re order|repurchase|re-?purchase|re-?buy|restock|re-?stock|replenish|refill|re-?up|stock (?:me |us )?up(?: on| with)?|top up|topup)\b"
    r"|\b(?P<it2>(?P<verb>order|(?<=time we )ordered|(?<=time i )ordered|buy|get|place|repeat|send|same|put in|purchase|do (?=my|our|the)|have (?=my|our|the)|want (?=my|our|the))\b(?: (?!it\b|you\b|what you\b|said\b|that\b)[^\s]+){0,6}? (?:(?<!it )again(?! (?:what|that|please tell|as before with))|the usual|(?:my|our) (?:usual|regular|normal|standing|last|previous|weekly)|as (?:last|before|always|usual)|last (?:\w+'s )?(?:order|purchase|time|basket|list)))\b"
    r"|\b(?P<it9>repeat (?:what|everything|all)(?! (?:you|he|she|they|was|is)\b))\b|\b(?P<it3>(?:repeat|same|usual|regular|normal|weekly|standing) (?:\S+ )?(?:order|shop|groceries|basket|shopping|purchase))\b|^(?:(?:can|could|may) (?:i|we|you) (?:get|have) |just |i'll have |i'll take )?(?P<it4>(?:the|my|our) (?:usual|regular))\b|\b(?P<it5>same (?:again|as (?:last time|always|usual|before)))\b|\b(?P<it6>(?:buy|order|send|get|bring) (?:it|them|both|that|those) again)\b|^(?P<it8>)(?:\d{1,2} ?x? |two |three |four |five |six )[^.!?]*\b(?:as|like) (?:always|usual|before|last time)\b|\b(?P<it7>(?:the )?usual|of the same)\b(?P<quantity>)"
)
_ORDER_VERB = Pattern(
    r"(?<!\bin )(?<!\bof )(?<!\bmy )(?<!\bthe )(?<!\blast )(?<!\bthis )(?<!\bthat )(?<!\bwork )(?<!\balphabetical )(?<!\ban )\b(?P<it>order(?:ing)?(?! (?:number|status|history|of (?!the|a|more|my))| (?:arrives?|ships?|is|was|has|hasn't|been|came|comes|from last))|buy(?:ing)?|purchas(?:e|ing)|pick up)\b(?= (?:me|us|some|more|a|an|the|another|my|our|everything|all|it|on|from|for|two|three|\d|[a-z]))"
    r"|\b(?:place|put in|make|submit|do|start|putting|placing) (?:an|another|a|my|the|some)(?: new| online| grocery)? (?P<it2>order|purchase)s?\b|\b(?:need|want|like|have)\b(?: [^\s]+){0,8}? (?P<it3>ordered|bought|purchased)\b"
)
_MORE = Pattern(
    r"\b(?P<it>(?P<verb>get|grab|buy|order|need|want|send(?: for)?|have|love|like|fetch|find|bring|ship|time for|(?:could|can)(?: \w+)? (?:use|do with))(?: (?:me|us|for|you|to))?(?: [^\s]+){0,3}? (?:more|another|extra|refills?|(?:\d+|one|two|three|four|five|six|a|an) (?:packs?|bags?|boxe?s?|bottles?|cans?|tins?|jars?|cartons?|cases?|rolls?|kilos?) of))\b|\b(?:(?:almost |nearly |all |just |completely |fresh |we're |i'm |we are |i am )?(?P<it2>(?:run|ran|running|am|are|is|'m|'re|i'm|we're|nearly|almost|all|fresh) out of|(?:running |getting )?low on|short on))\b|\b(?P<it3>(?:ran out|ran low|nearly gone|almost gone|all gone|all out|running out|is gone|are gone|used up|finished|run out))\b|\b(?P<quantity>another (?:two |three |four |five |six |\d+ )?(?:packs?|bags?|box|boxes|bottles?|jars?|cans?|cases?|order|sets?|tubs?|rolls?|cartons?|packets?|tubes?))\b|^(?:we |i )?(?:\S+ )?(?P<it5>need)\b|^(?:some |one |two |three |\d+ )?(?P<it6>more)(?= \S)|^(?:\S+ ){1,4}(?P<it7>again)(?=,? (?:please|pls|thanks)|[.!]?$)"
)
_NOT_GOODS = Pattern(
    r"\b(?:checks?|checkbooks?|cheques?|chequebooks?|card|cards|pizza|pizzas|takeout|take-?out|take ?away|delivery food|food delivery|doordash|grubhub|deliveroo|uber|uber ?eats|domino'?s?|burger|burgers|curry|chinese food|indian food|thai food|mcdonald'?s|kfc|sushi|sandwich"
    r"|tickets?|flights?|hotel|stocks|stock market|shares?|bitcoin|crypto|house|car|cars|insurance|gift card|passport|information|info|(?<!last )(?<!is )time(?! for| we| to (?:re-?order|order|buy|re-?stock|stock|get))|money|credit|sleep|days|minutes|details|vaccines?|visa|visas|shots|about(?! time)|law and order|court order|alphabetical|order out|taxi|cab|app|song|songs|music|movies?|games?|gas|fuel|charge|battery life|space|luck|pto|vacation|trouble|maintenance|oil change|repairs?|new card|w2|paycheck|tax|taxes|reservations?|table)\b"
)
_ORDER_FACT = Pattern(
    r"\b(?:where(?:'s| is| are)|track|tracking|status|eta|when will|when (?:is|are|does|do|can)|has my|have my|arriv\w+|shipped|delivered|shipping|delivery (?:options?|period|date|times?|address)|invoices?|bills?|receipts?|refunds?|how much|what did|what have|last order(?:ed)? (?:arrive|come)|return|complain\w*|payment (?:methods?|options?)|pay with|pay for|pay|modify|change|edit|update|correct|remove|delete|add|swap|mistake in|issue|what (?:is|are|do|does|can)|what's|which|why|who|how (?:do|does|did|many|long|far)|can you tell|tell me|do they|do you (?:sell|have|know)|is there(?=[ ?])|are there|out of order|in order (?:to|for)|should i|could i use|instead of|substitute|replace|recipe|ingredients?|cook|bake|nutrition|calories|healthy|price of|cost of|cost|cancel\w*|look up|find out|check|search)\b"
)
_NO_SHOPPING = Pattern(
    rf"\b(?:{_MEAL}|tables?|reservations?|restaurants?|playlist|route|songs?|alarm|channel|temperature)\b"
)
_FROM_A_CALENDAR = Pattern(
    rf"\b(?:delete|remove|erase)\b(?=.*\b(?:{_MEAL[3:-1]}|appointments?)\b)(?!.*\b(?:reservations?|bookings?|tables?)\b)"
)
_CONTRACTED = Pattern(rf"\b{_CONTRACT}\b")
_POINTS = Pattern(
    r" ?(?:it|that|this|them|those)(?: ones?)?(?=$|[ ,]*(?:$|[.!?;]|please|for|now|too|as well|at once|and|before|immediately))"
)
_PAID_FOR = Pattern(
    r"\bpay\w* for\b.*\b(?:any ?more|any longer|another (?:month|year)|(?:every|each|a|per) (?:week|month|year))\b"
    r"|\b(?:charg\w+ (?:me |us )?for|billed for|stopped using|signed up for|subscribed to|subscription|membership|trial)\b|\b(?:\w+n't|not|never|hardly|barely|rarely|no longer)(?: \w+)? (?:use|used|watch|watched|read|play|played|wear|listen to|listened to|go to)\b"
)
"""What is had from month to month, or is had and not used."""
_SUBSCRIBED = Pattern(r"\b(?:subscriptions?|memberships?|trial|unsubscribe)\b")
_HELD_FOR_ONE = Pattern(rf"\b{_HELD}\b")
_WAS_BOUGHT = Pattern(rf"\b{_BOUGHT}\b")
_APPOINTMENT = Pattern(rf"\b{_SERVICE}\b")


def find_cues(clause: Clause, wished: str, said_before: str) -> list[Cue]:
    """The verbs that a clause may ask for in what it wishes, after what was said before; no more than one of each."""
    words = clause.words
    if _NOT_ASKED.search(words) or _NOTES.search(words) or (_LISTS.search(words) and not _WHOLE_LIST.search(words)):
        return []
    cancel = _cancel(clause, wished, said_before)
    if cancel is not None and (cancel.strong or cancel.kind is not Kind.SUBSCRIPTION):
        return [cancel]  # whatever else the clause says, it says of the thing to cancel
    return [cue for cue in (cancel, _reorder(clause, wished), _book(clause, wished, said_before)) if cue is not None]


def chosen(cues: list[Cue], words: str) -> Cue | None:
    """The request that counts: the last one, unless only the earlier was said plainly."""
    if not cues:
        return None
    if len(cues) > 1 and corrects(words, cues[0].at, cues[-1].clause.end):
        return cues[-1]
    strong = [cue for cue in cues if cue.strong]
    return (strong or cues)[-1]


def _cancel(clause: Clause, wished: str, said_before: str) -> Cue | None:
    words = clause.words
    if _FEES.search(words) or _CANCEL_FACT.search(words):
        return None
    plain = _CANCEL_VERB.search(wished)
    verb = plain or _CANCEL_SOFT.search(wished)
    if verb is None:
        return None
    kind = _kind(words)
    before = f"{said_before} {words[: verb.start()]}"
    points = bool(_POINTS.match(wished, verb.end()) and (_PAID_FOR.search(before) or _CONTRACTED.search(before)))
    if _FROM_A_CALENDAR.search(words) and not plain:
        return None
    object_ = words[verb.end() :] if not (plain and plain["done"]) else words
    said = points or kind is not Kind.SUBSCRIPTION or _CONTRACTED.search(words) or _PAID_FOR.search(words)
    if not said and (
        _NOT_CANCELLED.search(object_)
        or not _names_something(object_, f"{said_before if plain else ''} {words[: verb.start()]}")
    ):
        return None
    if plain is None and not said:
        return Cue(Verb.CANCEL, clause, clause.start + verb.end(), kind, strong=False)
    if not points and _NOT_CANCELLED.search(object_) and kind is Kind.SUBSCRIPTION and not _SUBSCRIBED.search(words):
        return None
    return Cue(Verb.CANCEL, clause, clause.start + verb.end(), kind, strong=True)


def _kind(words: str) -> Kind:
    if _SUBSCRIBED.search(words):
        return Kind.SUBSCRIPTION
    if _HELD_FOR_ONE.search(words):
        return Kind.RESERVATION
    if _APPOINTMENT.search(words):
        return Kind.APPOINTMENT
    return Kind.ORDER if _WAS_BOUGHT.search(words) else Kind.SUBSCRIPTION


def _names_something(after: str, before: str) -> bool:
    """Cancel what? Some word there must be able to be a name, behind the verb or, as people also say it, before it."""
    return bool(_NAMING.search(after) or _NAMING.search(before))


_NAMING = Pattern(
    r"\b(?!(?:please|now|today|it|for|me|us|my|our|the|a|an|and|to|you|can|could|would|i|we|want|need|i'd|like|this|that|them|one|ones|immediately|asap|right|away|thanks|thank|is|of|from|in|on|hey|hi|hello|ok|okay|help|go|ahead|do|just|so|not|no|actually|never|mind|all|be|should|think|sorry|must|have|get|will|how|possible|before|if|with|your|what|doing|were|are|something|else|don't|stop|wait|then|back|at|once|up|out|whatever|anymore|any|more|thing|things|really|maybe|yes|oh|well|let's)\b)[a-z0-9][\w'+.&-]+"
)


def _reorder(clause: Clause, wished: str) -> Cue | None:
    words = clause.words
    if _ORDER_FACT.search(words) or _NO_SHOPPING.search(words):
        return None
    again = _AGAIN.search(wished)
    if again and not _NOT_GOODS.search(words):
        return Cue(Verb.REORDER, clause, clause.start + _behind(again), strong=True)
    if _NOT_GOODS.search(words):
        return None
    if ordered := _ORDER_VERB.search(wished):
        return Cue(
            Verb.REORDER,
            clause,
            clause.start + ordered.end(),
            strong=not wished[ordered.start() :].startswith(("buy", "purchas", "pick")),
        )
    if more := _MORE.search(wished):
        return Cue(Verb.REORDER, clause, clause.start + _behind(more), strong=False)
    return None


def _behind(match: re.Match[str]) -> int:
    """Where the list begins: after the verb itself, with the quantity still to come."""
    return match.end("verb") if match["verb"] else match.start() if match["quantity"] else match.end()


def _book(clause: Clause, wished: str, said_before: str) -> Cue | None:
    words = clause.words
    if _ABOUT_RATHER_THAN_FOR.search(words) and not _TAKES_IT.search(words):
        return None
    service = _BOOK_SERVICE.search(wished)
    if service and not _NOT_A_TABLE.search(f"{said_before} {words}"):  # an appointment alone does not say with whom
        return Cue(Verb.BOOK, clause, clause.start + service.end(), Kind.APPOINTMENT, strong=True)
    if _NOT_A_TABLE.search(words) or (_PERHAPS_NOT_A_TABLE.search(words) and not _SURELY_A_TABLE.search(words)):
        return None
    if strong := _BOOK_STRONG.search(wished) or _BOOK_PLAIN.search(wished):
        return Cue(Verb.BOOK, clause, clause.start + strong.end(), Kind.RESERVATION, strong=True)
    if weak := _BOOK_WEAK.search(wished):
        return Cue(Verb.BOOK, clause, clause.start + weak.end(), Kind.RESERVATION, strong=False)
    return None

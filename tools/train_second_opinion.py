"""Train the second opinion of the reader of words, and write its weights as plain numbers.

    PYTHONPATH=. uv run --isolated --group words python tools/train_second_opinion.py --data FOLDER [--without SET] [--out FILE]

The sets are those of `make eval` but the styles, which only measure; a fifth of each is kept aside. The model sees the words exactly as the product
shows them to it (`haloop.desks.errands.words.opinion.features`). Only the weights are shipped, never the data.
"""

import argparse
import random
import re
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from eval.sets import Case, own, public
from haloop.desks.errands.words import opinion
from haloop.desks.errands.words.opinion import BUCKETS, CLASSES, FILE, MAGIC, features
from haloop.desks.errands.words.text import Text

SHIPPED = Path(opinion.__file__).with_name(FILE)
_WEIGHT_MAX = 127
_FREEDOM = 1.0
"""How closely the model follows the sets it learns from; less carries over better to sets it never saw."""
_OWN_COUNTS = 8
"""How often each of our own counts, with other names in it every time: the public sets are thin where ours are."""
_NAMES = re.compile(
    r"netflix|hulu|spotify(?: premium)?|disney(?: plus|\+)?|audible|hbo max|tidal|adobe|dropbox|hellofresh|canva|calm|masterclass|headspace|noom"
    r"|duolingo|evernote|scribd|pandora|deezer|strava|birchbox|peloton|medium|patreon|grammarly|classpass|crunchyroll|sling tv|comcast|vonage|directv",
    re.IGNORECASE,
)
_GOODS = re.compile(
    r"coffee(?: beans| pods)?|milk|bread|diapers|dog food|cat food|shampoo|paper towels|toilet paper|cat litter|dishwasher tablets|detergent|sponges|tuna"
    r"|trash bags|nappies|toothpaste|hand soap|tea|rice|lentils|snacks|dog treats|water filters?|light bulbs|butter|flour|tissues|contact lenses|eggs",
    re.IGNORECASE,
)
_OTHER_NAMES = (
    "apple music|youtube tv|peacock|espn plus|the guardian|the atlantic|costco|aaa|nordvpn|icloud storage|google one|office 365|quickbooks|wordpress|shutterstock|skillshare|coursera"
    "|rosetta stone|equinox|la fitness|yoga studio|wine club|book of the month|stitch fix|ipsy|barkbox|home chef|factor|doordash dashpass|instacart|xbox live|nintendo online|geforce now"
    "|curiosity stream|starz|showtime|philo|discovery plus|britbox|mubi|kindle|marley spoon|gousto|sky sports|virgin media|verizon|t-mobile|spectrum|lastpass|1password|zoom|slack|notion"
    "|substack|wall street journal|the new yorker|time magazine|tinder gold|bumble|match.com|hinge|ring|nest aware|simplisafe|adt|audiobooks|fitbit premium|myfitnesspal|w w|lumosity"
).split("|")
_OTHER_GOODS = (
    "razors|olive oil|bananas|apples|yogurt|cheese|cereal|pasta|tomato sauce|sugar|salt|baby wipes|formula|sparkling water|soda|beer|wine|chips|peanuts|almond milk|chicken|salmon|frozen peas"
    "|ice cream|soap|body wash|lotion|deodorant|floss|mouthwash|vitamins|ibuprofen|bandages|laundry detergent|fabric softener|bleach|dish soap|foil|napkins|candles|pens|printer paper|ink"
    "|batteries|bird seed|fish food|litter|protein bars|granola|honey|jam|oats|avocados|potatoes|onions|garlic|ketchup|mustard|mayo|hot sauce|pet food|air filters|vacuum bags|sunscreen"
).split("|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--without", default="", help="leave out the sets whose name begins so, to see what carries over"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    cases = training_cases(arguments.data, arguments.without)
    weights, biases = train(cases)
    arguments.out.write_bytes(packed(weights, biases))
    print(f"{len(cases)} cases, {arguments.out.stat().st_size} bytes in {arguments.out}")


def training_cases(folder: Path, without: str) -> list[Case]:
    """All that may be learned from: sets of intents, our own counted several times, without the fifth kept aside."""
    cases: list[Case] = []
    for name, some in (own() | public(folder)).items():
        if name.endswith(("-val", "-styles")) or name.startswith("duckling") or (without and name.startswith(without)):
            continue
        kept = [case for case in some if not case.held_out and case.scores_verb]
        cases += (
            kept
            if not name.startswith("own")
            else [_renamed(case, chance) for case in kept for chance in range(_OWN_COUNTS)]
        )
    random.Random(1).shuffle(cases)
    return cases


def _renamed(case: Case, chance: int) -> Case:
    """The same request about something else, so that no name becomes a sign of a verb."""
    if not chance:
        return case
    dice = random.Random(f"{chance} {case.text}")
    text = _NAMES.sub(lambda _: dice.choice(_OTHER_NAMES), case.text)
    return replace(case, text=_GOODS.sub(lambda _: dice.choice(_OTHER_GOODS), text))


def train(cases: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    """One weight for each bucket and class."""
    rows = [sorted(features(Text.of(case.text).words)) for case in cases]
    lengths = np.array([len(row) for row in rows])
    values = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    matrix = csr_matrix(
        (values, np.concatenate([np.array(row) for row in rows]), np.concatenate([[0], np.cumsum(lengths)])),
        shape=(len(rows), BUCKETS),
    )
    labels = np.array([CLASSES.index(case.verb) for case in cases])
    shares = np.bincount(labels, minlength=len(CLASSES)) / len(labels)
    model = LogisticRegression(C=_FREEDOM, max_iter=300, random_state=1)
    model.fit(matrix, labels, sample_weight=(1 / np.sqrt(shares))[labels])
    return model.coef_, model.intercept_


def packed(weights: np.ndarray, biases: np.ndarray) -> bytes:
    """The file that `opinion.read` takes apart: scale and bias of each class, then the weights of each bucket together."""
    scales = np.abs(weights).max(axis=1) / _WEIGHT_MAX
    small = np.rint(weights / scales[:, None]).astype(np.int8)
    header = array("d", [number for pair in zip(scales, biases, strict=True) for number in pair])
    return b"".join((MAGIC, header.tobytes(), np.ascontiguousarray(small.T).tobytes()))


if __name__ == "__main__":
    main()

"""The second opinion: a small linear model over pieces of words, which knows nothing of the cue rules.

Its weights are whole numbers from -127 to 127 in one file, made by `tools/train_second_opinion.py` and read here in
plain Python: nothing is unpickled, nothing is learned at run time, and the same words always get the same answer.
The file is only read when the first opinion is asked for.
"""

import math
import pkgutil
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from haloop.desks.errands.words.reading import Verb

FILE = "second_opinion.bin"
MAGIC = b"haloop/second-opinion/1\n"
BUCKETS = 1 << 15
CLASSES: tuple[Verb | None, ...] = (None, Verb.BOOK, Verb.CANCEL, Verb.REORDER)
SCALES = len(CLASSES) * 2
"""In front of the weights: the scale and the bias of each class, as doubles."""
CHARACTERS_MAX = 300
_DIGITS = str.maketrans("123456789", "000000000")


Opinion: TypeAlias = dict[Verb | None, float]


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """How likely each verb is meant; None stands for no verb of ours."""

    scales: Sequence[float]
    weights: memoryview

    def of(self, words: str) -> Opinion:
        buckets = features(words)
        each = range(len(CLASSES))
        sums = [0] * len(CLASSES)
        weights = self.weights
        for bucket in buckets:
            at = bucket * 4
            sums[0] += weights[at]
            sums[1] += weights[at + 1]
            sums[2] += weights[at + 2]
            sums[3] += weights[at + 3]
        length = math.sqrt(len(buckets)) or 1.0
        scores = [sums[c] * self.scales[2 * c] / length + self.scales[2 * c + 1] for c in each]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        return {verb: power / sum(powers) for verb, power in zip(CLASSES, powers, strict=True)}


@lru_cache(maxsize=1)
def second_opinion() -> SecondOpinion:
    """The one that ships, read from its file."""
    return read(pkgutil.get_data(__package__, FILE) or b"")


def read(packed: bytes) -> SecondOpinion:
    """Take a packed file apart."""
    if not packed.startswith(MAGIC) or len(packed) != len(MAGIC) + SCALES * 8 + BUCKETS * len(CLASSES):
        raise ValueError("This is not a second opinion of version 1.")
    scales = array("d")
    scales.frombytes(packed[len(MAGIC) : len(MAGIC) + SCALES * 8])
    return SecondOpinion(scales.tolist(), memoryview(packed)[len(MAGIC) + SCALES * 8 :].cast("b"))


def features(words: str) -> set[int]:
    """The buckets of the words' pieces: runs of 3 to 5 letters in each word, words, and neighbouring words."""
    said = words[:CHARACTERS_MAX].translate(_DIGITS).encode("utf-8", "replace").split()
    crc32, mask = zlib.crc32, BUCKETS - 1
    pieces: set[int] = set()
    for word in said:
        padded = b" " + word + b" "
        size = len(padded)
        pieces.update([crc32(padded[at : at + run]) & mask for run in (3, 4, 5) for at in range(size - run + 1)])
        pieces.add(crc32(b"1" + word) & mask)
    for one, other in pairwise(said):
        pieces.add(crc32(b"2" + one + b" " + other) & mask)
    return pieces

"""Locked parts: opened by their holder's key and nothing else, and not one bit of them can be changed unnoticed."""

import os
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haloop.kernel.errors import Corrupt
from haloop.kernel.ids import new_person_id
from haloop.kernel.part import SALT_BYTES, Part, part_hash
from haloop.kernel.randomness import Randomness
from haloop.store.bodies import LockedPart, lock, unlock

RUN = "run_00112233445566778899aabbccddeeff"


@dataclass(frozen=True)
class Holder:
    """Somebody with a key."""

    name: str
    cipher: AESGCM

    def lock(self, part: Part) -> LockedPart:
        return lock(part, holder=self.name, key_id=7, cipher=self.cipher, draw=Randomness().draw)


@pytest.fixture
def holder() -> Holder:
    return Holder(RUN, AESGCM(os.urandom(32)))


@pytest.mark.parametrize("body", [b"", b"x", bytes(64 * 1024)])
def test_what_was_locked_is_opened(holder: Holder, body: bytes) -> None:
    """The bytes come back, with the salt that their hash needs."""
    locked = holder.lock(Part(name="words", body=body))
    opened = unlock(locked.wrapped, locked.body, holder=holder.name, cipher=holder.cipher)
    assert (opened.body, len(opened.salt)) == (body, SALT_BYTES)
    assert part_hash("words", opened.body, opened.salt) == locked.hash


def test_a_part_says_whose_key_it_is_under(holder: Holder) -> None:
    """A part about a person is marked as personal; any other is not."""
    assert not holder.lock(Part(name="words", body=b"")).personal
    assert holder.lock(Part(name="about", body=b"", subject=new_person_id())).personal


def test_the_same_words_never_look_the_same(holder: Holder) -> None:
    """Whoever sees the disk cannot tell that the same thing was said twice."""
    part = Part(name="words", body=b"yes")
    one, two = holder.lock(part), holder.lock(part)
    assert one.hash != two.hash
    assert one.wrapped != two.wrapped
    assert one.body != two.body
    assert part.body not in one.body


def test_a_locked_part_has_a_nonce_of_96_bits_and_a_tag(holder: Holder) -> None:
    """What lies on the disk is as long as the published format says, and nothing longer."""
    locked = holder.lock(Part(name="words", body=b"remember the milk"))
    nonce, tag, key = 96 // 8, 128 // 8, 256 // 8
    assert len(locked.body) == nonce + len(b"remember the milk") + tag
    assert len(locked.wrapped) == nonce + key + SALT_BYTES + tag


def test_another_key_opens_nothing(holder: Holder) -> None:
    """Without the holder's key the part stays closed."""
    locked = holder.lock(Part(name="words", body=b"yes"))
    with pytest.raises(Corrupt):
        unlock(locked.wrapped, locked.body, holder=holder.name, cipher=AESGCM(os.urandom(32)))


def test_a_part_cannot_be_moved_under_another_holder(holder: Holder) -> None:
    """The holder's name is bound in: the right key under another name opens nothing."""
    locked = holder.lock(Part(name="words", body=b"yes"))
    with pytest.raises(Corrupt):
        unlock(locked.wrapped, locked.body, holder=new_person_id(), cipher=holder.cipher)


def test_two_parts_cannot_trade_their_words(holder: Holder) -> None:
    """The wrapped key of one part does not open the words of another."""
    one, two = holder.lock(Part(name="one", body=b"1")), holder.lock(Part(name="two", body=b"2"))
    with pytest.raises(Corrupt):
        unlock(one.wrapped, two.body, holder=holder.name, cipher=holder.cipher)


def test_every_bit_counts(holder: Holder) -> None:
    """Wherever one bit is flipped, in the wrapped key or in the words, the part does not open."""
    locked = holder.lock(Part(name="words", body=b"yes"))
    for index in range(len(locked.wrapped)):
        with pytest.raises(Corrupt):
            unlock(flipped(locked.wrapped, index), locked.body, holder=holder.name, cipher=holder.cipher)
    for index in range(len(locked.body)):
        with pytest.raises(Corrupt):
            unlock(locked.wrapped, flipped(locked.body, index), holder=holder.name, cipher=holder.cipher)


def flipped(raw: bytes, index: int) -> bytes:
    return raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]


@pytest.mark.parametrize("keep", [0, 1, 11, 12, 13, 27])
def test_a_cut_part_is_corruption(holder: Holder, keep: int) -> None:
    """Too few bytes are never taken for something shorter that was said."""
    locked = holder.lock(Part(name="words", body=b"yes"))
    with pytest.raises(Corrupt):
        unlock(locked.wrapped[:keep], locked.body, holder=holder.name, cipher=holder.cipher)
    with pytest.raises(Corrupt):
        unlock(locked.wrapped, locked.body[:keep], holder=holder.name, cipher=holder.cipher)


def test_randomness_is_given_out_once() -> None:
    """A thousand draws of all sizes overlap nowhere: no nonce and no key is ever used twice."""
    drawn = Randomness()
    pieces = [drawn.draw(88) for _ in range(1000)]
    assert len({piece[at : at + 8] for piece in pieces for at in range(0, 88, 8)}) == 11_000
    assert {len(piece) for piece in pieces} == {88}


def test_a_forked_child_draws_its_own_randomness() -> None:
    """A child process does not give out its parent's bytes again."""
    drawn = Randomness()
    drawn.draw(8)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, drawn.draw(32))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 32) != drawn.draw(32)
    os.close(reading)
    os.close(writing)

"""Signed notes, checkpoints and proofs: the published examples hold, ours read back, nothing else does."""

from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from haloop.kernel.checkpoint import (
    SIGNATURES_MAX,
    Checkpoint,
    Proof,
    VerifierKey,
    open_note,
    read_unverified,
    sign,
    signed_text,
)
from haloop.kernel.errors import BadNote, BadProof
from haloop.kernel.merkle import SIZE_MAX, leaf_hash

# The example of C2SP signed-note.
PUBLISHED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
PUBLISHED_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of C2SP tlog-checkpoint.
PUBLISHED_CHECKPOINT = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
# The path in the example of C2SP tlog-proof, whose own checkpoint is printed with its signatures cut short.
PUBLISHED_PATH = (
    "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
    "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
    "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n"
    "RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n"
    "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n"
)

ORIGIN = "haloop.local/acc_1"
ROOT = leaf_hash(b"a fact")


class Ed25519Signer:
    """A signer from the library the product uses, with a key made of one repeated byte."""

    def __init__(self, seed: int = 7) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


SIGNER = Ed25519Signer()
KEY = VerifierKey.of(ORIGIN, SIGNER.public_key)
CHECKPOINT = Checkpoint(origin=ORIGIN, size=12, root=ROOT)
NOTE = sign(CHECKPOINT, SIGNER)

names = st.text(min_size=1, max_size=30).filter(
    lambda text: not any(character == "+" or character < " " or character.isspace() for character in text)
)
roots = st.binary(min_size=32, max_size=32)
checkpoints = st.builds(Checkpoint, origin=names, size=st.integers(0, SIZE_MAX), root=roots)


def test_the_published_note_is_believed() -> None:
    """The published verifier key accepts the published note, and reads and writes as published."""
    key = VerifierKey.parse(PUBLISHED_KEY)
    assert (str(key), key.name) == (PUBLISHED_KEY, "example.com/foo")
    assert signed_text(PUBLISHED_NOTE, key, verify) == "This is an example message.\n"


def test_a_true_signature_under_something_else_makes_no_checkpoint() -> None:
    """A well-signed note that is no checkpoint is malformed, not believed."""
    with pytest.raises(BadNote, match="three lines"):
        open_note(PUBLISHED_NOTE, VerifierKey.parse(PUBLISHED_KEY), verify)


def test_the_published_checkpoint_reads_as_published() -> None:
    """The published checkpoint gives its origin, size and root, and the same text again."""
    checkpoint = read_unverified(PUBLISHED_CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert PUBLISHED_CHECKPOINT.startswith(checkpoint.text() + "\n")


def test_the_published_proof_reads_as_published() -> None:
    """The published lines of a proof read as index and path, and write the same lines again."""
    text = f"c2sp.org/tlog-proof@v1\nindex 73894\n{PUBLISHED_PATH}\n{PUBLISHED_CHECKPOINT}"
    proof = Proof.parse(text)
    assert (proof.index, len(proof.hashes), proof.extra) == (73894, 5, None)
    assert proof.text() == text


@given(checkpoints, st.integers(0, 255))
def test_what_is_signed_is_believed(checkpoint: Checkpoint, seed: int) -> None:
    """Whatever the log's name, size and root, its signed note opens with its key and says the same."""
    signer = Ed25519Signer(seed)
    note = sign(checkpoint, signer)
    key = VerifierKey.parse(str(VerifierKey.of(checkpoint.origin, signer.public_key)))
    assert open_note(note, key, verify) == checkpoint == read_unverified(note)


@given(
    checkpoint=checkpoints.filter(lambda checkpoint: checkpoint.size > 0),
    hashes=st.lists(roots, max_size=63),
    extra=st.none() | st.binary(max_size=100),
    data=st.data(),
)
def test_a_proof_reads_back(
    checkpoint: Checkpoint, hashes: list[bytes], extra: bytes | None, data: st.DataObject
) -> None:
    """A proof file gives back the very proof that was written into it."""
    index = data.draw(st.integers(0, checkpoint.size - 1))
    proof = Proof(index=index, hashes=tuple(hashes), note=sign(checkpoint, SIGNER), extra=extra)
    assert Proof.parse(proof.text()) == proof


def test_a_flipped_bit_anywhere_in_a_note_is_refused() -> None:
    """No bit of a signed note is free: each one that changes makes the note unbelievable."""
    for bit in range(len(NOTE.encode()) * 8):
        with pytest.raises(BadNote):
            open_note(flipped(NOTE, bit), KEY, verify)


def flipped(text: str, bit: int) -> str:
    changed = bytearray(text.encode())
    changed[bit // 8] ^= 1 << bit % 8
    return changed.decode(errors="surrogateescape")


def code_of(note: str, key: VerifierKey = KEY) -> str:
    with pytest.raises(BadNote) as refusal:
        open_note(note, key, verify)
    return refusal.value.code


def test_a_note_by_a_stranger_is_told_from_a_false_one() -> None:
    """Another key, another name and a false signature are three different answers from a broken note."""
    other_key = VerifierKey.of(ORIGIN, Ed25519Signer(8).public_key)
    other_name = VerifierKey.of("haloop.local/acc_2", SIGNER.public_key)
    assert code_of(NOTE, other_key) == "note.unknown_signer"
    assert code_of(NOTE, other_name) == "note.unknown_signer"
    assert code_of(NOTE.replace("\n12\n", "\n13\n")) == "note.bad_signature"
    assert code_of(NOTE[:-1]) == "note.malformed"


def test_a_key_speaks_for_its_own_log_only() -> None:
    """A log that signs the state of another log is not believed, though its signature is true."""
    foreign = Checkpoint(origin="haloop.local/acc_2", size=12, root=ROOT).text()
    assert code_of(signed(foreign)) == "note.unknown_signer"


def signed(text: str) -> str:
    return f"{text}\n— {ORIGIN} {b64encode(KEY.key_id + SIGNER.sign(text.encode())).decode()}\n"


def signature_line(name: str, signature: bytes) -> str:
    return f"— {name} {b64encode(signature).decode()}\n"


def test_other_signers_beside_ours_are_ignored() -> None:
    """Witnesses may sign below the log, in ways we do not understand, and the log is still believed."""
    witnessed = NOTE + signature_line("witness.example", b"\x01\x02\x03\x04" + b"\x00" * 2420)
    same_name = NOTE + signature_line(ORIGIN, b"\x01\x02\x03\x04" + b"\x00" * 64)
    same_id = NOTE + signature_line("witness.example", KEY.key_id + b"\x00" * 64)
    assert open_note(witnessed, KEY, verify) == CHECKPOINT
    assert open_note(same_name, KEY, verify) == CHECKPOINT
    assert open_note(same_id, KEY, verify) == CHECKPOINT


@pytest.mark.parametrize("length", [1, 63, 65, 72])
def test_a_second_false_signature_by_the_same_key_spoils_the_note(length: int) -> None:
    """One true signature does not excuse a false one by the same key, whatever its length."""
    assert code_of(NOTE + signature_line(ORIGIN, KEY.key_id + b"\x00" * length)) == "note.bad_signature"


def test_a_signature_of_the_wrong_length_never_reaches_the_primitive() -> None:
    """However lenient the verifying function that is handed in, a cut or padded signature is false."""
    padded = f"{TEXT}\n{signature_line(ORIGIN, KEY.key_id + SIGNER.sign(TEXT.encode()) + bytes(1))}"
    with pytest.raises(BadNote, match="is false"):
        open_note(padded, KEY, lambda *_: True)


def test_a_note_takes_as_many_signatures_as_we_say_and_no_more() -> None:
    """Sixty-four signatures are read; one more is refused before any of them costs work."""
    witness = signature_line("witness.example", b"\x01\x02\x03\x04\x05")
    assert open_note(NOTE + witness * (SIGNATURES_MAX - 1), KEY, verify) == CHECKPOINT
    assert code_of(NOTE + witness * SIGNATURES_MAX) == "note.malformed"


TEXT = CHECKPOINT.text()
LINE = NOTE.removeprefix(TEXT + "\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n",
        TEXT + LINE,
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "free words\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("—", "-"),
        NOTE.replace("— ", "—"),
        NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}  "),
        NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}+ "),
        NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}\u00a0x "),
        NOTE.replace(f"— {ORIGIN} ", "—  "),
        NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}"),
        NOTE[:-1] + " \n",
        NOTE[:-1] + "=\n",
        NOTE[:-2] + "\n",
        NOTE + "— witness.example AQIDBAU=",
        NOTE + "— witness.example AQIDBA==\n",
        NOTE + "— witness.example \n",
        NOTE + "— witness.example AQIDBAV=\n",
        NOTE + "— witness.example AQ_DBAUG\n",
        NOTE + "— witness.example AQIDBA\u00e9=\n",
        NOTE + "— wit\tness.example AQIDBAU=\n",
        NOTE.replace("12", "\ud800"),
        "\x00" + NOTE,
    ],
)
def test_a_malformed_note_is_called_malformed(note: str) -> None:
    """Anything that is not exactly a signed note is refused as such, by whoever signed and whoever asks."""
    assert code_of(note) == "note.malformed"
    with pytest.raises(BadNote):
        read_unverified(note)


ROOT_TEXT = b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n12\n",
        f"{ORIGIN}\n12\n{ROOT_TEXT}\nextension\n",
        f"{ORIGIN}\n12\n{ROOT_TEXT}\n\n",
        f"{ORIGIN}\n\n12\n{ROOT_TEXT}\n",
        f"\n12\n{ROOT_TEXT}\n",
        f"two words\n12\n{ROOT_TEXT}\n",
        f"a+b\n12\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n012\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n00\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n+12\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n-1\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n12 \n{ROOT_TEXT}\n",
        f"{ORIGIN}\n1_2\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n\u0661\u0662\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n1\u00b2\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n{SIZE_MAX + 1}\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n12\n{ROOT_TEXT[:-1]}\n",
        f"{ORIGIN}\n12\n{ROOT_TEXT[:-2]}{chr(ord(ROOT_TEXT[-2]) + 1)}=\n",
        f"{ORIGIN}\n12\n{b64encode(ROOT[:-1]).decode()}\n",
        f"{ORIGIN}\n12\n{b64encode(ROOT + ROOT).decode()}\n",
        f"{ORIGIN}\n12\n{ROOT.hex()}\n",
    ],
)
def test_a_malformed_checkpoint_is_refused_though_well_signed(text: str) -> None:
    """Even the right key cannot give a second spelling, or further lines, the weight of a checkpoint."""
    assert code_of(signed(text)) == "note.malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/foo+530d903a+",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "\ud800+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_a_mistyped_verifier_key_is_refused(text: str) -> None:
    """A key that is cut, mistyped or of another kind is refused before it calls every note a stranger's."""
    with pytest.raises(BadNote):
        VerifierKey.parse(text)


def test_a_key_whose_id_belongs_to_another_key_cannot_be_made() -> None:
    """The short id is derived, so nobody can pair one key's id with another key's bytes."""
    with pytest.raises(BadNote, match="another name or key"):
        VerifierKey(name="haloop.local/acc_2", key_id=KEY.key_id, public_key=KEY.public_key)
    with pytest.raises(BadNote, match="32 bytes"):
        VerifierKey.of(ORIGIN, KEY.public_key + b"\x00")


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a b", 1, ROOT),
        ("a\nb", 1, ROOT),
        (ORIGIN, -1, ROOT),
        (ORIGIN, SIZE_MAX + 1, ROOT),
        (ORIGIN, 1, b""),
    ],
)
def test_a_checkpoint_that_could_not_be_read_back_cannot_be_made(origin: str, size: int, root: bytes) -> None:
    """What the format cannot carry is refused before it is signed."""
    with pytest.raises(BadNote):
        Checkpoint(origin=origin, size=size, root=root)


def test_a_signer_that_returns_nonsense_signs_nothing() -> None:
    """A signature of the wrong length never leaves as a note."""

    class BrokenSigner(Ed25519Signer):
        def sign(self, message: bytes) -> bytes:
            return super().sign(message)[:-1]

    with pytest.raises(BadNote, match="64 bytes"):
        sign(CHECKPOINT, BrokenSigner())


HASH_LINE = PUBLISHED_PATH.splitlines()[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        NOTE,
        f"c2sp.org/tlog-proof@v2\nindex 1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{NOTE}",
        "c2sp.org/tlog-proof@v1\nindex 1\n",
        f"c2sp.org/tlog-proof@v1\nindex 01\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex -1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex  1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 12\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex {SIZE_MAX + 1}\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\nextra AAAA\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAA\nindex 1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra\nindex 1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{HASH_LINE[:-1]}\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{HASH_LINE[:-2]}R=\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n{HASH_LINE} \n\n{NOTE}",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + f"{HASH_LINE}\n" * 64 + f"\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\r\nindex 1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nindex 1\n\n{NOTE}\n",
        f"c2sp.org/tlog-proof@v1\nindex 1\n\n{NOTE[:-1]}",
    ],
)
def test_a_malformed_proof_is_refused(text: str) -> None:
    """A proof with anything out of place, or whose leaf its checkpoint does not have, is refused whole."""
    with pytest.raises((BadProof, BadNote)):
        Proof.parse(text)


@given(st.text() | st.binary().map(lambda data: data.decode(errors="surrogateescape")))
def test_no_text_at_all_brings_a_reader_down(text: str) -> None:
    """Whatever arrives instead of a note, a key or a proof is answered with a refusal by name."""
    for read in (read_unverified, VerifierKey.parse, Checkpoint.parse_text, Proof.parse):
        with pytest.raises((BadProof, BadNote)):
            read(text)

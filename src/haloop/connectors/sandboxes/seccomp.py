"""The system calls that a program in bubblewrap is not answered, as the kernel's filter of system calls is told.

No namespace holds the kernel's keys: whoever runs below us could read what lies in the keyring of the session that
Haloop was started in. And a ring of input and output keeps files open where nobody looking in `/proc` finds them, so
they would count towards no limit. Both are answered as by a kernel that was built without them, and so is every call
of a machine's second language that is not in the table: 32 bits beside 64, say.

The filter is a program of the kernel's own small machine: load a word of the call, compare, jump over what does not
concern it, return. It is the same each time.
"""

import errno
import os
import struct
from collections.abc import Iterator
from fnmatch import fnmatchcase

_KEYS = {
    0xC000003E: (248, 249, 250),  # x86-64, and x32 within it
    0x40000003: (286, 287, 288),  # x86 of 32 bits
    0xC00000B7: (217, 218, 219),  # ARM of 64 bits
    0x40000028: (309, 310, 311),  # ARM of 32 bits
    0xC00000F3: (217, 218, 219),  # RISC-V of 64 bits
}
"""By AUDIT_ARCH, how a machine calls add_key, request_key and keyctl."""
_RINGS = (425, 426, 427)
"""io_uring_setup, io_uring_enter and io_uring_register, which every machine calls the same."""

_MACHINES = ("x86_64", "i?86", "aarch64", "arm*l", "riscv64")
"""The same, as they call themselves; on any other the filter would refuse every call."""

_NUMBER_AT, _MACHINE_AT = 0, 4
"""Where struct seccomp_data has them."""
_LOAD, _AND, _IS, _RETURN = 0x20, 0x54, 0x15, 0x06
_WITHOUT_X32 = 0xFFFF_FFFF ^ (1 << 30)
"""Its calls are x86-64's with this bit; elsewhere no call has it."""
_ALLOW, _REFUSE = 0x7FFF_0000, 0x0005_0000 | errno.ENOSYS


def unknown_machine() -> str:
    """What this machine is called where its calls are not in the table, and empty where they are."""
    machine = os.uname().machine
    return "" if any(fnmatchcase(machine, known) for known in _MACHINES) else machine


def keys_and_rings_refused() -> bytes:
    """The filter, as bubblewrap reads it from a descriptor."""
    return b"".join(_instructions())


def _instructions() -> Iterator[bytes]:
    yield _instruction(_LOAD, _MACHINE_AT)
    for machine, keys in _KEYS.items():
        own = list(_of_one_machine((*keys, *_RINGS)))
        yield _instruction(_IS, machine, otherwise_over=len(own))
        yield from own
    yield _instruction(_RETURN, _REFUSE)


def _of_one_machine(refused: tuple[int, ...]) -> Iterator[bytes]:
    yield _instruction(_LOAD, _NUMBER_AT)
    yield _instruction(_AND, _WITHOUT_X32)
    for number in refused:
        yield _instruction(_IS, number, otherwise_over=1)
        yield _instruction(_RETURN, _REFUSE)
    yield _instruction(_RETURN, _ALLOW)


def _instruction(does: int, operand: int, *, otherwise_over: int = 0) -> bytes:
    """Struct sock_filter: what it does, and over how many it jumps where a comparison does not hold."""
    return struct.pack("=HBBI", does, 0, otherwise_over, operand)

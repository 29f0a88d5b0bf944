"""The registers of :class:`skipwalk.hw.ports.axi.AxiCore`. Standard library only: gateware, map and tests read it."""

from dataclasses import asdict, dataclass
from enum import StrEnum

__all__ = ["ADDRESS_BITS", "AXI_VERSION", "MEMORY_REGISTERS", "REGISTERS", "Access", "Register", "register_map"]

#: Width of the AXI4-Lite addresses, in bytes.
ADDRESS_BITS = 6
#: Rises when the meaning of a register changes.
AXI_VERSION = 1


class Access(StrEnum):
    """What the bus may do. A write to a read-only register is answered with SLVERR and changes nothing."""

    READ = "ro"
    WRITE = "rw"


@dataclass(frozen=True, kw_only=True)
class Register:
    """32 bits at a byte address."""

    name: str
    offset: int
    access: Access
    description: str
    reset: int = 0
    writable_bits: int = 0


#: In order of address.
REGISTERS = (
    Register(name="MAGIC", offset=0x00, access=Access.READ, description="the bytes 'skwk', the first one lowest"),
    Register(name="VERSION", offset=0x04, access=Access.READ, description="version of this map"),
    Register(
        name="KIND", offset=0x08, access=Access.READ, description="which core: four ASCII bytes, first one highest"
    ),
    Register(name="DIGEST", offset=0x0C, access=Access.READ, description="digest of the core's configuration"),
    Register(
        name="CONTROL",
        offset=0x10,
        access=Access.WRITE,
        writable_bits=1,
        description="bit 0: hold the core in reset. Memories keep their contents; words in flight are lost",
    ),
    Register(
        name="STATUS",
        offset=0x14,
        access=Access.READ,
        description="bit 0: the core would take a word; bit 1: it offers one",
    ),
    Register(
        name="PACKET",
        offset=0x18,
        access=Access.WRITE,
        reset=1,
        writable_bits=16,
        description="words in a packet of m_axis: the last one of so many carries tlast; counted from reset and from a "
        "write to this register. 0 means 1",
    ),
    Register(name="WORDS_IN", offset=0x1C, access=Access.READ, description="words taken from s_axis since reset"),
    Register(name="WORDS_OUT", offset=0x20, access=Access.READ, description="words given to m_axis since reset"),
)


#: More of them, where rows are in memory outside.
MEMORY_REGISTERS = (
    Register(
        name="MEMORY_BASE",
        offset=0x24,
        access=Access.WRITE,
        writable_bits=32,
        description="byte address of row 0 on m_axi, a multiple of 4096: the bits below are ignored; to be set before "
        "the first command",
    ),
    Register(name="MEMORY_STATUS", offset=0x28, access=Access.READ, description="bit 0: all bursts have been answered"),
    Register(
        name="MEMORY_ERRORS",
        offset=0x2C,
        access=Access.READ,
        description="bursts that were answered by an error since reset, modulo 2^16: reads in the lower half, writes "
        "in the upper one",
    ),
)


def register_map(*, memory: bool = False) -> list[dict]:
    """:data:`REGISTERS` as JSON holds them, with ``memory`` those of it too."""
    return [asdict(register) for register in REGISTERS + (MEMORY_REGISTERS if memory else ())]

"""CPU cycles of a piece of work: the processor's own counter where the kernel gives it, else time times clock."""

import ctypes
import os
import platform
import re
import struct
from pathlib import Path

__all__ = ["CycleCounter", "base_clock_hz"]

_SYSCALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
_TYPE_HARDWARE, _COUNT_CPU_CYCLES = 0, 0
#: Bits of perf_event_attr: leave out kernel and hypervisor.
_EXCLUDE_KERNEL, _EXCLUDE_HV = 1 << 5, 1 << 6
_ATTRIBUTE_SIZE = 112


class CycleCounter:
    """The hardware counter of this thread's cycles in user space. A context manager.

    Attributes
    ----------
    available : bool
        Whether there is one; virtual machines often hide it.
    reason : str
        Why not.
    """

    def __init__(self) -> None:
        self._file = -1
        self.reason = ""
        number = _SYSCALL.get(platform.machine())
        if platform.system() != "Linux" or number is None:
            self.reason = f"no perf_event_open known for {platform.system()} on {platform.machine()}"
            return
        flags = _EXCLUDE_KERNEL | _EXCLUDE_HV
        attribute = struct.pack("=IIQQQQQ", _TYPE_HARDWARE, _ATTRIBUTE_SIZE, _COUNT_CPU_CYCLES, 0, 0, 0, flags)
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(attribute, _ATTRIBUTE_SIZE)
        anywhere, no_group = ctypes.c_int(-1), ctypes.c_int(-1)
        self._file = libc.syscall(number, buffer, 0, anywhere, no_group, ctypes.c_ulong(0))
        if self._file < 0:
            self.reason = f"perf_event_open: {os.strerror(ctypes.get_errno())}"

    @property
    def available(self) -> bool:
        return self._file >= 0

    def read(self) -> int | None:
        """Cycles up to now, or None without a counter."""
        return struct.unpack("=Q", os.read(self._file, 8))[0] if self.available else None

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "CycleCounter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def base_clock_hz(cpuinfo: str | None = None) -> tuple[float, str]:
    """The clock that the maker promises, and where it was found: kernel, the model's name, the rate of the time stamp
    counter (half of BogoMIPS on x86), or what /proc/cpuinfo calls its present clock. Raises OSError if nowhere."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency")
    if cpuinfo is None:
        if path.exists():
            return int(path.read_text()) * 1e3, "base_frequency of the kernel"
        cpuinfo = Path("/proc/cpuinfo").read_text()
    if found := re.search(r"^model name.*@ ([\d.]+)GHz", cpuinfo, re.MULTILINE):
        return float(found[1]) * 1e9, "name of the model"
    if " tsc " in cpuinfo and (found := re.search(r"^bogomips\s*: ([\d.]+)", cpuinfo, re.MULTILINE)):
        return float(found[1]) / 2 * 1e6, "rate of the time stamp counter"
    if found := re.search(r"^cpu MHz\s*: ([\d.]+)", cpuinfo, re.MULTILINE):
        return float(found[1]) * 1e6, "present clock in /proc/cpuinfo"
    raise OSError("no base clock of the processor is known here")

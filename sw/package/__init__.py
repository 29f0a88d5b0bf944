"""Learning on the device, in open gateware: ``skipwalk.sw`` is the host side, ``skipwalk.hw`` the gateware."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("skipwalk")
except PackageNotFoundError:  # sources on the path, not installed
    __version__ = "unknown"

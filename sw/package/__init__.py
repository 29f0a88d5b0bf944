"""Learning on the device, in open gateware: ``skipwalk.sw`` is the host side, ``skipwalk.hw`` the gateware."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("skipwalk")

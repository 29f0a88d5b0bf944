"""The device end of the link in plain Python and in RTL, frames, and faults on the way."""

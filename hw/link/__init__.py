"""The device end of the link: words to and from a core, over a byte pipe that may lose, damage and repeat."""

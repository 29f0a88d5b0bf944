"""The driver in C99, for processors beside an exported core: ``skipwalk export`` puts these files beside it."""

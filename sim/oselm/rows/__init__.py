"""Which rows stand in slots, and what a cache of rows has to answer."""

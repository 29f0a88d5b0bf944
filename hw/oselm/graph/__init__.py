"""The graph on the chip: neighbour lists that change edge by edge, and walks over them."""

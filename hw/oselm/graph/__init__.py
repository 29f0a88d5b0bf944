"""The graph that the core holds: neighbour lists that change edge by edge, and walks over them."""

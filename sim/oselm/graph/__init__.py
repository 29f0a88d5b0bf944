"""Models of the graph on the device: its store, walks over it, their starts, and the first values of rows."""

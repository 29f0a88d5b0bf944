"""Host side of skipwalk: graphs, walks, driver, estimator and command line."""

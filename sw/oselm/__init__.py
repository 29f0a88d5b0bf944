"""Host side of the OS-ELM core: driver, model, training, estimator."""

"""The front end of the OS-ELM core: walks in, contexts out."""

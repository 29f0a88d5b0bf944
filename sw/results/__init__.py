"""Results in files: reports, kept records."""

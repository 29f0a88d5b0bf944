"""What is measured and shown with this package, and no part of it: benchmarks, experiments, demos, the report."""

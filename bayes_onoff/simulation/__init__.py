"""Made-up data: counts from a model, and whole DL3 runs."""

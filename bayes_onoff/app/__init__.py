"""Configuration, the run in order, provenance, command line."""

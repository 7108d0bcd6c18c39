"""Telescope files: GADF data stores, observations, events, good time intervals and instrument responses."""

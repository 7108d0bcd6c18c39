"""Draws what products computed."""

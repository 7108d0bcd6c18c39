"""The command ``bayes-onoff``: each command calls one function of this room, and imports it only then."""

from bayes_onoff.app.cli.command_group import main

__all__ = ["main"]

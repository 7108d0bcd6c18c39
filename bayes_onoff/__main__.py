"""``python -m bayes_onoff`` is the command ``bayes-onoff``."""

from bayes_onoff.app.cli import main

main(prog_name="bayes-onoff")

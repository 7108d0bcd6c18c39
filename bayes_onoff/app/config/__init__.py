"""The configuration of an analysis: one YAML file, read strictly."""

from bayes_onoff.app.config.configuration import Configuration, load_config, make_config

__all__ = ["Configuration", "load_config", "make_config"]

"""From an observation to an ON/OFF spectrum: regions, response, safe range."""

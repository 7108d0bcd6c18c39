"""From spectra and a model to a posterior; the only room that imports PyMC."""

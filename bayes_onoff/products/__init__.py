"""What follows from a posterior: tables, predictive checks, flux points, comparison."""

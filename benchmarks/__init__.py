"""Measurements of the package, which is not installed with it: see README.md."""

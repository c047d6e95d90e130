"""Healthy and sick runs, by which verdicts are judged."""

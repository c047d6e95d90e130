"""Evaluation of any generator."""

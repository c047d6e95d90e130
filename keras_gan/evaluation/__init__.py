"""How good a generator is, whoever trained it."""

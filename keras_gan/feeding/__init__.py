"""From what a user gives to `fit` to the batches of a training step, and all rules for data."""

"""The rules for samples and labels, the same at every door: shapes, values, labels, and cures."""

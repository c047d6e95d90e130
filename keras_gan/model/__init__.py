"""What a user holds: the model, and `fit`, `generate`, `save` and `export` around it."""

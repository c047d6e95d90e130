"""What stands on Keras and TensorFlow alone, and knows nothing of a game of two networks."""

"""Parts that depend only on Keras and TensorFlow, and not on adversarial training."""

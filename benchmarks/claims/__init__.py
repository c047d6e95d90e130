"""What is said of the package, measured."""

"""What happens inside one step: the updates, their order, the state that they keep."""

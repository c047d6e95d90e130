"""How fast is a step, beside the documentation's training step and PyTorch's?"""

"""Which embedding orders checkpoints as trained networks do?"""

"""How many modes does a generator reach?"""

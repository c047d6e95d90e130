"""Do the metrics agree with other libraries?"""

"""Encoders: what makes a row of numbers of an item, once per job, for any model to learn from.

Built-in features belong to the task types; here is everything that somebody else has trained.
"""

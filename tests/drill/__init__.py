"""Drills: real processes, killed at random under load, and a count of what was lost.

`python -m tests.drill` runs them.
"""

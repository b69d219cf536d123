"""Drills: whole disasters, driven from outside through command lines and the wire.

Nothing here imports the operator package, the simulator or the application, so that the same users and the same judge
could be pointed at a staging tenancy.
"""

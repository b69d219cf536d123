"""Runs interrupted everywhere and resumed: in a pure world, on the wire, and by ``kill -9``; one checker for all."""

"""Carrying out a plan: what is next (pure), doing it, and keeping the journal that outlives every crash."""

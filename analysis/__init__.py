"""Studies: one file, one question, one table and one figure. ``python -m analysis list``."""

"""Sphinx extensions of the documentation: one idea each."""

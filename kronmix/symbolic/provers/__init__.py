"""Provers of identities between expressions, and the exact arithmetic under them."""

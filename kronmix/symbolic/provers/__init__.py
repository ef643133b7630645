"""Provers of identities between expressions, and the exact arithmetic under them."""

from .statements import prove_entries, prove_for_all_sizes, prove_modulo_primes

__all__ = ["prove_entries", "prove_for_all_sizes", "prove_modulo_primes"]

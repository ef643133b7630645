"""The theorem registry and its provers."""

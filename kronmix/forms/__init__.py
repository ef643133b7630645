"""Normal forms of a matrix: what every question about its values is asked of."""

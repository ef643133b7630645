"""What the README and the documentation show, made by commands of this repository."""

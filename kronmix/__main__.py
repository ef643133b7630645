"""``python -m kronmix`` is the command ``kronmix``."""

from .cli import main

if __name__ == "__main__":
    main()

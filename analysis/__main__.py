"""``python -m analysis list | run NAME|all | show NAME | power NAME|all | keep NAME|all``."""

from .commands import main

if __name__ == "__main__":
    main()

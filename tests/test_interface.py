"""The public names and signatures are those of ``interface.txt``: a change is seen, and renewed by ``make snapshot``."""

from __future__ import annotations

import difflib
import enum
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

import kronmix as km

SNAPSHOT = Path(__file__).with_name("interface.txt")


def interface() -> list[str]:
    """A line for every public name of every room, and for every method that kronmix itself gives a public class."""
    rooms = {m.name: getattr(km, m.name) for m in pkgutil.iter_modules(km.__path__) if m.name in km.__all__}
    public = {f"kronmix.{name}": getattr(km, name) for name in km.__all__ if name not in rooms}
    for room, module in rooms.items():
        public |= {f"kronmix.{room}.{name}": getattr(module, name) for name in names(module)}
    first = {
        id(thing): name for name, thing in reversed(public.items())
    }  # two names of one class: methods under the first
    lines = {name + described(thing) for name, thing in public.items()}
    for name, thing in public.items():
        if inspect.isclass(thing) and first[id(thing)] == name:
            inherited = (base for base in thing.__mro__[1:] if id(base) not in first)
            lines |= {f"{name}.{method}" for base in (thing, *inherited) for method in methods(base)}
    return sorted(lines)


def names(module: ModuleType) -> list[str]:
    """What a room offers: its ``__all__``, else what is defined in it."""
    own = [
        n for n, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__ and n[0] != "_"
    ]
    return getattr(module, "__all__", own)


def described(thing: Any) -> str:
    """What stands behind a public name in the snapshot."""
    if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, BaseException)):
        return ""
    if (alias := get_origin(thing)) is not None:  # the name of a type, called by nobody
        return f": {alias.__name__}"
    if inspect.isclass(thing) and issubclass(thing, enum.Enum):
        return f": {', '.join(thing.__members__)}"
    return parameters(thing.__init__ if inspect.isclass(thing) and inspect.isfunction(thing.__init__) else thing)


def methods(thing: type) -> list[str]:
    """Public methods and properties that a class of kronmix defines."""
    own = vars(thing).items() if thing.__module__.startswith("kronmix") else ()
    made = "_request"  # scikit-learn's own
    return [
        name + (parameters(member) if inspect.isfunction(member) else "")
        for name, member in own
        if not (name.startswith("_") or name.endswith(made))
    ]


def parameters(function: Any) -> str:
    """Names, kinds and defaults, without types, which libraries and Python versions write differently."""
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:  # a class made in C
        return "(…)"
    bare = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else Default(p.default)) for p in found
    ]
    return str(inspect.Signature(bare))


class Default:
    """A default value that prints the same in every process."""

    def __init__(self, value: Any) -> None:
        self.text = getattr(value, "__name__", None) or repr(value).partition(" at 0x")[0]

    def __repr__(self) -> str:
        return self.text


def test_the_interface_is_the_recorded_one() -> None:
    recorded = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    changes = [line for line in difflib.ndiff(recorded, interface()) if line[0] in "+-"]
    assert not changes, "run make snapshot if this is meant:\n" + "\n".join(changes)


def test_a_changed_default_is_seen() -> None:
    class Thing:
        def method(self, x: int = 1, *, flag: bool = False) -> None: ...

    Thing.__module__ = "kronmix.any"
    assert methods(Thing) == ["method(self, x=1, *, flag=False)"]
    Thing.method.__defaults__ = (2,)
    assert methods(Thing) == ["method(self, x=2, *, flag=False)"]


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(interface()) + "\n", encoding="utf-8")

"""Options that had another name once, and are still understood; options that another choice would take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

#: Command, and its old names with the word that all commands use now.
RENAMED = {
    "path": {"--inner": "--rank"},
    "report": {"--images": "--data", "--weights": "--data"},
}


def today_s_words(arguments: Sequence[str]) -> list[str]:
    """The arguments with every old name replaced.

    Raises
    ------
    ValueError
        If two names of one option are given.

    Examples
    --------
    >>> from kronmix.cli.vocabulary import today_s_words
    >>> today_s_words(["path", "--inner=3", "--seed", "1"])
    ['path', '--rank=3', '--seed', '1']
    """
    names = RENAMED.get(next((word for word in arguments if not word.startswith("-")), ""), {})
    given = [word.partition("=")[0] for word in arguments]
    for new in set(names.values()):
        same = [name for name in dict.fromkeys(given) if names.get(name, name) == new]
        if len(same) > 1:
            raise ValueError(f"{' and '.join(same)} exclude each other: give one")

    def today(word: str) -> str:
        option, equals, value = word.partition("=")
        return f"{names.get(option, option)}{equals}{value}"

    return [today(word) for word in arguments]


def refuse_foreign(given: Iterable[str], chosen: str, takes: Mapping[str, Collection[str]]) -> None:
    """Refuse options that the chosen structure or model does not take, and name those that do.

    Examples
    --------
    >>> from kronmix.cli.vocabulary import refuse_foreign
    >>> refuse_foreign(["rank"], "dense", {"dense": [], "sum": ["rank"], "product": ["rank", "depth"]})
    Traceback (most recent call last):
    ...
    ValueError: --rank goes with sum and product, not dense
    """
    for option in given:
        takers = [name for name, known in takes.items() if option in known]
        if chosen not in takers:
            raise ValueError(
                f"--{option} goes with {' and '.join(filter(None, (', '.join(takers[:-1]), takers[-1])))}, not {chosen}"
            )

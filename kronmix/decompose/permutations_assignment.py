"""Sharing items out among groups of given sizes: the balanced step of every search for permutations (T31)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..operators.arrays import Array


@dataclass(frozen=True)
class Places:
    """How many items of each class a group takes.

    Attributes
    ----------
    class_of : integer array of shape (items,)
    taken : integer array of shape (classes, groups)
        Rows sum to the sizes of the classes. All groups take equally many items.
    """

    class_of: Array
    taken: Array

    @property
    def groups(self) -> int:
        return int(self.taken.shape[1])

    @property
    def size(self) -> int:
        """Items in a group."""
        return int(self.taken[:, 0].sum())

    @cached_property
    def items(self) -> list[Array]:
        """The items of every class."""
        return [np.flatnonzero(self.class_of == c) for c in range(len(self.taken))]

    @cached_property
    def seats(self) -> list[Array]:
        """For every class the groups that take its items, each as often as it takes one."""
        return [np.arange(self.groups).repeat(taken) for taken in self.taken]

    @cached_property
    def open(self) -> Array:
        """Whether a group takes items of an item's class: (items, groups)."""
        return (self.taken > 0)[self.class_of]

    @property
    def parts(self) -> Array:
        """Items that may share a group, shape (parts, items): the classes where every group takes from one, else all items."""
        one_class = bool((np.count_nonzero(self.taken, axis=0) == 1).all())
        return np.argsort(self.class_of, kind="stable").reshape(len(self.taken) if one_class else 1, -1)


def free(items: int, groups: int) -> Places:
    """One class: any item may go to any group."""
    return Places(np.zeros(items, np.intp), np.array([[items // groups]]).repeat(groups, axis=1))


def nested(classes: int, groups: int, size: int) -> Places:
    """Classes of equal size, one after another, each with ``groups`` groups of its own."""
    return Places(
        np.arange(classes).repeat(groups * size), size * np.eye(classes, dtype=np.intp).repeat(groups, axis=1)
    )


def transversal(members: Array) -> Places:
    """Groups that take one item of each class: members[class] lists the items of a class."""
    classes, size = members.shape
    class_of = np.empty(members.size, np.intp)
    class_of[members] = np.arange(classes)[:, None]
    return Places(class_of, np.ones((classes, size), np.intp))


def assign(gain: Array, places: Places) -> Array:
    """Members of every group, shape (groups, size), such that the sum of gain[item, group] is largest.

    Exact: a linear assignment problem for each class, solved only where everyone's first choice does not fill the groups.
    """
    group_of = np.where(places.open, gain, -np.inf).argmax(axis=1)
    chosen = np.bincount(places.class_of * places.groups + group_of, minlength=places.taken.size)
    for c in np.flatnonzero((chosen.reshape(places.taken.shape) != places.taken).any(axis=1)):
        items, seats = places.items[c], places.seats[c]
        rows, at = linear_sum_assignment(gain[items[:, None], seats], maximize=True)
        group_of[items[rows]] = seats[at]
    return np.argsort(group_of, kind="stable").reshape(places.groups, places.size)


def cluster(similarity: Array, places: Places, rng: np.random.Generator, sweeps: int = 12) -> Array:
    """Groups of similar items, shape (groups, size): greedy from random first members, then balanced kernel k-means."""
    between = similarity - np.diag(np.diag(similarity))
    members = _greedy(between, places, rng)
    for _ in range(sweeps):
        chosen = np.zeros((len(between), places.groups))
        chosen[members, np.arange(places.groups)[:, None]] = 1.0
        # The mean over the other members: an item says nothing about itself.
        renewed = assign(between @ chosen / np.maximum(places.size - chosen, 1.0), places)
        if np.array_equal(renewed, members):
            break
        members = renewed
    return members


def _greedy(between: Array, places: Places, rng: np.random.Generator) -> Array:
    """Group after group: a random free item, what is most similar to it, and once more what is most similar to those."""
    is_free = np.ones(len(between), bool)
    groups = []
    for taken in places.taken.T:
        classes = np.flatnonzero(taken)
        candidates = [places.items[c][is_free[places.items[c]]] for c in classes]
        first = rng.choice(candidates[0])
        members = np.array([first])
        for _ in range(2):
            others = np.full(len(between), float(len(members)))
            others[members] -= 1
            towards = between[members].sum(axis=0) / np.maximum(others, 1.0)
            towards[first] = np.inf
            members = np.concatenate(
                [_with_largest(towards, items, taken[c]) for items, c in zip(candidates, classes, strict=True)]
            )
        is_free[members] = False
        groups.append(members)
    return np.array(groups)


def _with_largest(values: Array, items: Array, count: int) -> Array:
    """The `count` items with the largest values, in no order."""
    return items if len(items) == count else items[np.argpartition(-values[items], count - 1)[:count]]

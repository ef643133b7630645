"""Old names give the new things, and the warning points at the line that used them."""

from __future__ import annotations

import warnings

import pytest

import kronmix as km
from kronmix.deprecation import renamed


@pytest.mark.parametrize("room", [km, km.symbolic], ids=["kronmix", "symbolic"])
def test_an_old_name_still_works_and_says_what_to_write(room: object) -> None:
    with pytest.warns(DeprecationWarning, match="is called check_reparametrization since 0.1; .* goes in 0.3") as told:
        assert room.check_reparametrisation is km.check_reparametrization  # type: ignore[attr-defined]
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AttributeError, match="nothing_of_the_kind"):
            room.nothing_of_the_kind  # type: ignore[attr-defined]  # noqa: B018


def test_names_are_handed_on() -> None:
    get = renamed("kronmix", {"stack": "vec"}, since="1.9", otherwise=str.upper)
    assert get("other") == "OTHER"
    with pytest.warns(DeprecationWarning, match="goes in 1.11"):
        assert get("stack") is km.vec


def test_the_old_name_of_a_series_color() -> None:
    series = km.plotting.Series("#0f9468", "o")
    with pytest.warns(DeprecationWarning, match="colour is called color since 0.1; .* goes in 0.3") as told:
        assert series.colour == series.color == "#0f9468"
    assert told[0].filename == __file__

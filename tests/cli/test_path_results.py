"""The table that `kronmix path` prints, and the record that says the same."""

from __future__ import annotations

import numpy as np

import kronmix as km
from kronmix.cli.path_results import points_of, record, table_of


def test_a_time_path_tells_how_far_its_limit_is() -> None:
    problem = km.Observed(np.diag([3.0, 1.0]))
    pair = km.Hadamard(np.ones((2, 2)), np.ones((2, 2)))
    found = km.regularization_path(problem, pair, "time", [2.0], scale=1e-140)
    points = points_of(found, problem)
    shown = table_of(found, points, "")
    by_heading = {str(column.header): next(iter(column.cells)) for column in shown.columns}
    away = np.linalg.norm(found.weights[0] - found.limit[0]) / np.linalg.norm(found.limit[0])
    np.testing.assert_allclose(float(by_heading["distance to limit"]), away, rtol=0.01)
    (point,) = record(found, points, "targets")["points"]
    np.testing.assert_allclose(point["distance_to_limit"], away)

"""
A Monarch matrix switches its slices on one by one
==================================================

Which slices of a weight does weight decay on Monarch factors keep (T17)?

.. picture: A heat map with one row for each slice and one column for each weight decay: slices light up one after another as
   the weight decay falls.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)
sizes = (4, 4, 4, 4)
strength = np.arange(4) + 4 * np.arange(4)[:, None]
target = (rng.normal(size=(4, 4, 4, 4)) * strength[None, :, :, None]).reshape(16, 16) / 8
start = km.Monarch(rng.normal(size=(4, 4, 4)), rng.normal(size=(4, 4, 4)))
path = km.regularization_path(km.Observed(target), start, "decay", np.geomspace(8, 0.1, 20))
figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
km.plotting.plot_slices(path, sizes, ax)

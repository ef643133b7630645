"""
What a structure costs, and what it misses
==========================================

How far is a matrix met in practice from the nearest Monarch matrix, sum of Kronecker products, or low-rank matrix with as
many parameters (T13, T14)?

.. picture: Three falling curves of the relative error against the number of parameters, with low rank highest,
   then Monarch, and sums of Kronecker products lowest.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
X, _ = km.datasets.digits()
B = np.corrcoef(X.reshape(len(X), -1) + 1e-3 * np.random.default_rng(0).normal(size=(len(X), 64)), rowvar=False)
s = np.linalg.svd(B, compute_uv=False)
ranks = np.arange(1, 8)
monarch = [km.nearest_monarch(B, (8, 8, 8, 8), rank=r).relative_error for r in ranks]
kronecker = [km.nearest_kronecker(B, ((8, 8), (8, 8)), rank=r).relative_error for r in 2 * ranks]
low = [np.linalg.norm(s[4 * r :]) / np.linalg.norm(s) for r in ranks]
figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(1024 * ranks, monarch, "^-", label="Monarch")
ax.plot(256 * ranks, kronecker, "o-", label="sum of Kroneckers")
ax.plot(512 * ranks, low, "s-", label="low rank")
ax.set(yscale="log", xlabel="parameters", ylabel="relative error", title="correlations of 64 pixels")
ax.legend(frameon=False)

"""
Which structure do matrices met in practice have?
=================================================

The smallest error for every number of numbers stored, over all structures, shapes and ranks, beside that of keeping as many of the
largest entries (T13, T14, T28).

.. picture: Six panels, each with a falling line of errors and a dashed one for the largest entries. The lines of both blurs and of
   the kernel end in an exact structure, where the dashed ones have hardly fallen; that of the cosine transform stays close to
   the dashed one, and those of the trained layer and of the covariance lie above it.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy.fft import dct

import kronmix as km

km.plotting.use_house_style()
apart = np.stack([np.subtract.outer(i, i) for i in np.divmod(np.arange(64.0), 8)], axis=-1)
X, labels = km.datasets.digits()
pixels = X.reshape(len(X), -1)
ridge = np.linalg.solve(pixels.T @ pixels + np.eye(64), pixels.T @ np.eye(10)[labels])
matrices = {
    "blur, separable": np.exp(-(apart**2).sum(-1) / 4),
    "blur, a disk": (np.hypot(*np.moveaxis(apart, -1, 0)) < 2.5).astype(float),
    "kernel on a line": np.exp(-np.abs(np.subtract.outer(np.arange(64), np.arange(64))) / 16),
    "cosine transform": dct(np.eye(64), axis=0, norm="ortho"),
    "layer trained on digits": ridge,
    "covariance of 64 pixels": np.cov(pixels.T),
}
figure, axes = plt.subplots(2, 3, figsize=(12, 6.4), layout="constrained")
for ax, (name, matrix) in zip(axes.ravel(), matrices.items(), strict=True):
    front = km.search(matrix)
    front.plot(ax)
    ax.set_title(name)
    print(
        f"{name}: {front.answer()}"
    )  # by the share of the norm that is kept above the share of the numbers that is stored

"""
Which structure do matrices met in practice have?
=================================================

The smallest error for every number of numbers stored, over all structures, shapes and ranks, beside that of keeping as many of the
largest entries (T13, T14, T28). Below the picture: what each matrix turned out to be, as ``Front.answer`` says it.

.. picture: Nine panels, one for each matrix: a falling line with the error of the best structure for every number of numbers
   stored, its corners labelled with their structures, and a dashed line with the error of keeping as many of the largest
   entries.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy.fft import dct
from sklearn.datasets import load_breast_cancer
from sklearn.neural_network import MLPClassifier

import kronmix as km

km.plotting.use_house_style()
grid, line = np.stack(np.divmod(np.arange(64.0), 8), axis=-1), np.arange(64.0)
apart = grid[:, None] - grid
distance, on_line = np.hypot(*np.moveaxis(apart, -1, 0)), np.abs(np.subtract.outer(line, line))
X, labels = km.datasets.digits()
pixels = X.reshape(len(X), -1)
network = MLPClassifier((64, 64), tol=1e-2, n_iter_no_change=3, random_state=0).fit(pixels, labels)
matrices = {
    "blur, separable": np.exp(-(apart**2).sum(-1) / 4),
    "blur, a disk": (distance < 2.5).astype(float),
    "cosine transform": dct(np.eye(64), axis=0, norm="ortho"),
    "kernel on a line": np.exp(-on_line / 16),
    "kernel on a grid, with noise": np.exp(-distance / 4) + np.diag(np.linspace(0.5, 2, 64)),
    "first layer of a network on digits": network.coefs_[0].T,
    "second layer of the same": network.coefs_[1].T,
    "covariance of 64 pixels": np.cov(pixels.T),
    "correlation of 30 cell measures": np.corrcoef(load_breast_cancer().data.T),
}
figure, axes = plt.subplots(3, 3, figsize=(14, 11), layout="constrained")
for ax, (name, matrix) in zip(axes.ravel(), matrices.items(), strict=True):
    front = km.search(matrix)
    front.plot(ax)
    ax.set_title(name)
    print(f"{name}: {front.answer()}")

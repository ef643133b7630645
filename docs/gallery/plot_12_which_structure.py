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
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.neural_network import MLPClassifier

import kronmix as km

km.plotting.use_house_style()
grid = np.stack(np.divmod(np.arange(64.0), 8), axis=-1)
distance = np.linalg.norm(grid[:, None] - grid, axis=-1)
digits = load_digits()
network = MLPClassifier((64, 64), tol=1e-2, n_iter_no_change=3, random_state=0).fit(digits.data, digits.target)
matrices = {
    "blur, separable": np.exp(-(distance**2) / 4),
    "blur, a disk": (distance < 2.5).astype(float),
    "cosine transform": dct(np.eye(64), axis=0, norm="ortho"),
    "kernel on a line": np.exp(-np.abs(np.subtract.outer(range(64), range(64))) / 16),
    "kernel on a grid, with noise": np.exp(-distance / 4) + np.diag(np.linspace(0.5, 2, 64)),
    "first layer of a network on digits": network.coefs_[0].T,
    "second layer of the same": network.coefs_[1].T,
    "covariance of 64 pixels": np.cov(digits.data.T),
    "correlation of 30 cell measures": np.corrcoef(load_breast_cancer().data.T),
}
for ax, name in zip(plt.subplots(3, 3, figsize=(14, 11), layout="constrained")[1].ravel(), matrices, strict=True):
    (front := km.search(matrices[name])).plot(ax).set_title(name)
    print(f"{name}: {front.answer()}")

"""
A butterfly: sparse factors with a full product
===============================================

Where are the non-zeros of the factors of a butterfly, and of their product (T13)?

.. picture: Five matrices of 16 rows: four factors, each two diagonals of blocks whose distance halves from one to the
   next, and their product, which is full.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
patterns = km.butterfly_patterns(16)
factors = [km.KroneckerSparse(np.ones((p.a, p.d, p.b, p.c)), p) for p in patterns]
layers = [(f"({p.a}, {p.b}, {p.c}, {p.d})", op.to_dense()) for p, op in zip(patterns, factors, strict=True)]
layers.append(("their product", km.Chain(*factors).to_dense()))
figure, axes = plt.subplots(1, 5, figsize=(10, 2.4), layout="constrained")
for ax, (title, matrix) in zip(axes, layers, strict=True):
    km.plotting.plot_matrix(matrix, ax, key=False, title=title)

"""
Weight decay on factors walks the lasso path
============================================

What does weight decay on the factors of u∘v do to their product, on real data (T17)?

.. picture: Ten coefficients growing from zero as the weight decay falls, with the lasso path dashed exactly on top of them.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_diabetes

import kronmix as km

km.plotting.use_house_style()
X, y = load_diabetes(return_X_y=True)
X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
problem = km.Regression(X.T, y[None])
start = km.Hadamard(np.ones((1, 10)), np.ones((1, 10)))
path = km.regularization_path(problem, start, "decay", np.geomspace(0.6, 0.003, 25))
figure, ax = plt.subplots(figsize=(5.8, 3.6), layout="constrained")
km.plotting.plot_profile(path, label="coefficients", ax=ax)
ax.set(xlabel="weight decay λ", title="diabetes: 442 patients, 10 features")

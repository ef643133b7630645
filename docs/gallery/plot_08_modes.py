"""
Strong modes are learned first
==============================

In which order does gradient flow on P Q find the singular values of its target (T20)?

.. picture: Four curves that rise one after another from zero to their levels, the highest first, each with its closed form
   dashed on top.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
levels, α = np.array([4.0, 2.0, 1.0, 0.5]), 1e-3
start = km.Chain(km.Dense(α * np.eye(4)), km.Dense(α * np.eye(4)))
record = {"modes": lambda op: np.diag(op.to_dense()).copy()}
flow = km.gradient_flow(km.Observed(np.diag(levels)), start, 25.0, record)
closed = np.stack([km.regularization.balanced_mode(s, α**2, flow.times) for s in levels], axis=1)
figure, ax = plt.subplots(figsize=(5.8, 3.4), layout="constrained")
km.plotting.plot_modes(flow.times, flow.recorded["modes"], closed, ax)

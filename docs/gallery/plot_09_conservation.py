"""
What gradient flow keeps, gradient descent loses slowly
=======================================================

How fast does gradient descent drift from ‖V‖² − ‖W‖², which gradient flow conserves (T19)?

.. picture: Three curves of the drift against time, one for each step size, on logarithmic axes; a tenth of the step
   drifts a tenth as far.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)
problem = km.Observed(np.kron(rng.normal(size=(3, 3)), rng.normal(size=(4, 4))))
start = km.Kronecker(rng.normal(size=(3, 3)), rng.normal(size=(4, 4)))
law = {"law": lambda op: np.array(list(km.conserved_quantities(op).values()))}
figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
for step in (1e-2, 1e-3, 1e-4):
    run = km.gradient_descent(problem, start, step, steps=int(0.5 / step), record=law)
    drift = np.abs(run.recorded["law"] - run.recorded["law"][0]).ravel()
    ax.loglog(run.times[1:], drift[1:], label=f"step {step:g}")
ax.set(xlabel="time = steps × step size", ylabel="drift of ‖V‖² − ‖W‖²")
ax.legend(frameon=False)

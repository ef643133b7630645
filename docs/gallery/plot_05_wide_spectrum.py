"""
All singular values of a weight too wide to store
=================================================

What is the spectrum of a Mixer layer's effective weight at the size of Mixer-B/16 (T15)?

.. picture: One smooth falling curve of singular values over more than a hundred thousand indices.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)
S, C = 196, 768  # tokens and channels of Mixer-B/16
W, V = rng.normal(size=(S, S)) / S**0.5, rng.normal(size=(C, C)) / C**0.5
B = km.LinearMixer(W, V).effective_weight()
figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
km.plotting.plot_singular_values(km.singular_values(B), ax=ax)
ax.set_title(f"width {B.shape[0]}, from {B.n_parameters} numbers")

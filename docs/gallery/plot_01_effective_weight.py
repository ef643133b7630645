"""
The effective weight of a Mixer layer
=====================================

What does a layer that mixes tokens and channels look like as one matrix?

.. picture: Three matrices of 24 rows: the full effective weight, and its two sparse factors, one of diagonal
   stripes and one of blocks on the diagonal.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)
S, C = 6, 4  # tokens, channels
W, V = rng.normal(size=(S, S)), rng.normal(size=(C, C))
layers = [
    ("effective weight $V^⊤ ⊗ W$", km.LinearMixer(W, V).effective_weight()),
    ("channel mixing $V^⊤ ⊗ I$", km.channel_mixing(V, tokens=S)),
    ("token mixing $I ⊗ W$", km.token_mixing(W, channels=C)),
]
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
km.plotting.plot_layers([(title, op.to_dense()) for title, op in layers], list(axes), blocks=(S, S))

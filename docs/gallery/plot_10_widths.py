"""
As wide as possible with a fixed number of connections
======================================================

How many tokens and channels make a Mixer widest when its connections are counted (T6)?

.. picture: Effective width against the number of tokens: a hump whose top is marked, with Mixer-B/16 marked on its left flank.
"""

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
mine = km.MixerShape(196, 768, token_expansion=384 / 196, channel_expansion=4)
best = km.best_shape(mine.connections, mine.token_expansion, mine.channel_expansion)
S = np.geomspace(32, 4096, 200)
γ_T, γ_C, Ω = mine.token_expansion, mine.channel_expansion, mine.connections
C = (np.sqrt((γ_T * S**2) ** 2 + 8 * γ_C * S * Ω) - γ_T * S**2) / (2 * γ_C * S)  # from Ω = (γ_T C S² + γ_C C² S) / 2
figure, ax = plt.subplots(figsize=(5.8, 3.6), layout="constrained")
km.plotting.plot_widths(S, S * C, (mine.tokens, mine.width), (best.tokens, best.width), ax)

"""
The commutation matrix is a perfect shuffle
===========================================

Which permutation turns the rows of a feature matrix into its columns (T2)?

.. picture: A permutation matrix of 24 rows: one mark in every row and column, along six steep parallel lines.
"""

from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
S, C = 4, 6  # tokens, channels
K = km.commutation(S, C)
figure, ax = plt.subplots(figsize=(4.4, 4.4), layout="constrained")
km.plotting.plot_matrix(K.to_dense(), ax, blocks=(S, C), key=False, title=f"$K_{{S,C}}$ for {S} tokens, {C} channels")

# %% [markdown]
# # 1 Mixing is multiplying by a Kronecker product
#
# **You will learn**
#
# - how to read a feature matrix as one long vector, and why the order of its entries matters;
# - why mixing tokens and mixing channels are multiplications of that vector by $I_C \otimes W$ and $V^\top \otimes I_S$;
# - how one permutation, the commutation matrix, turns one kind of mixing into the other.
#
# You need NumPy and matrix multiplication. Equations carry the numbers of the theory page (T1, T2, …).

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown]
# ## A picture is a table: tokens by channels
#
# An MLP-Mixer cuts an image into patches. Every patch is a **token**, the numbers that describe it are its **channels**, and the
# whole image is one feature matrix $X$ with $S$ rows (tokens) and $C$ columns (channels). Here is a real digit with its patches of
# 2 × 2 pixels: 16 tokens of 4 channels.

# %% mystnb={"image": {"alt": "Left: an 8 by 8 digit cut into 16 patches. Right: the same numbers as a table of 16 tokens by 4 channels."}}
images, labels = km.datasets.load("digits")
X = km.datasets.tokens(images[:1], patch=2)[0]
S, C = X.shape
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3), width_ratios=[2, 1], layout="constrained")
km.plotting.plot_matrix(images[0, :, :, 0], left, blocks=(2, 2), key=False, title="a digit, 2×2 patches")
km.plotting.plot_matrix(X, right, key=False, title=f"X: {S} tokens × {C} channels")
right.set(xlabel="channel", ylabel="token")
plt.show()

# %% [markdown]
# ## One long vector
#
# $\mathrm{vec}(X)$ stacks the columns of $X$ on top of each other: first every token's channel 1, then every token's channel 2,
# and so on. This is the order "F" of NumPy. Order "C" goes through the rows instead; both are right, but formulas differ, so we
# keep to the first throughout.

# %%
small = np.array([[1, 4], [2, 5], [3, 6]])
print("vec, columns first:", km.vec(small))
print("vec, rows first:   ", km.vec(small, order="C"))
print("and back:          ", km.unvec(km.vec(small), (3, 2)).tolist())

# %% [markdown]
# ## Mixing tokens
#
# A token-mixing layer multiplies from the left, $X \mapsto WX$: each new token is a weighted sum of the old tokens, the same for
# every channel. What does that do to the long vector? Look at the matrix that acts on it.

# %% mystnb={"image": {"alt": "A matrix of 64 by 64 entries with four equal blocks of 16 by 16 on its diagonal and nothing elsewhere."}}
W = rng.normal(size=(S, S)) / S**0.5
token_layer = km.token_mixing(W, channels=C)
km.plotting.plot_matrix(token_layer.to_dense(), blocks=(S, S), title="token mixing: $I_C ⊗ W$").figure

# %% [markdown]
# The matrix $W$ stands once on the diagonal for every channel, and all else is zero:
#
# $$\mathrm{vec}(WX) = (I_C \otimes W)\,\mathrm{vec}(X). \tag{T3}$$
#
# Only $1/C$ of the entries may differ from zero, and all of them are copies of $S^2$ numbers.

# %%
same = np.allclose(token_layer @ km.vec(X), km.vec(W @ X))
print("same result:", same)
print(f"width {S * C}, {token_layer.n_parameters} numbers trained, density {token_layer.density} = 1/{C}")

# %% [markdown] tags=["predict"]
# **Predict first.** The token layer is block diagonal, and $1/C$ of its entries may differ from zero. Channel mixing multiplies
# from the right. Is its matrix block diagonal too, and how full is it?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Not in this order of the entries: every block is a multiple of the identity, so the matrix is made of diagonals. Each row has
# $C$ entries, which is $1/S$ of all.
#
# </details>

# %% [markdown]
# ## Mixing channels
#
# A channel-mixing layer multiplies from the right, $X \mapsto XV$: each new channel is a weighted sum of the old channels, the
# same for every token.

# %% mystnb={"image": {"alt": "A matrix of 64 by 64 entries made of sixteen diagonal stripes: each block is a multiple of the identity."}}
V = rng.normal(size=(C, C)) / C**0.5
channel_layer = km.channel_mixing(V, tokens=S)
km.plotting.plot_matrix(channel_layer.to_dense(), blocks=(S, S), title="channel mixing: $V^⊤ ⊗ I_S$").figure

# %% [markdown]
# Every block is a multiple of the identity, and the multiples are the entries of $V^\top$:
#
# $$\mathrm{vec}(XV) = (V^\top \otimes I_S)\,\mathrm{vec}(X). \tag{T3}$$

# %%
print("same result:", np.allclose(channel_layer @ km.vec(X), km.vec(X @ V)))
print(f"density {channel_layer.density} = 1/{S}")

# %% [markdown]
# ## The commutation matrix is a shuffle
#
# The two layers look different, but they are the same kind of matrix in a different order of the entries. The **commutation
# matrix** $K_{S,C}$ reorders $\mathrm{vec}(X)$ into $\mathrm{vec}(X^\top)$. On a deck of cards laid out in $S$ rows it is the
# perfect shuffle.

# %% mystnb={"image": {"alt": "A permutation matrix: one mark in every row and column, along steep parallel lines."}}
K = km.commutation(S, C)
print("shuffles vec(X) into vec(Xᵀ):", np.array_equal(K @ km.vec(X), km.vec(X.T)))
print("cards 0 … 11 in 3 rows:", km.commutation(3, 4) @ np.arange(12))
km.plotting.plot_matrix(K.to_dense(), key=False, title="commutation matrix $K_{S,C}$").figure

# %% [markdown]
# $$K_{S,C}\,\mathrm{vec}(X) = \mathrm{vec}(X^\top), \qquad K_{S,C}^\top = K_{C,S} \tag{T2}$$
#
# Shuffle, mix in blocks, shuffle back: that is channel mixing.
#
# $$V^\top \otimes I_S = K_{C,S}\,(I_S \otimes V^\top)\,K_{S,C} \tag{T3}$$

# %%
blocks = km.kron(km.eye(S), V.T)
shuffled = km.commutation(C, S) @ blocks @ K
print("channel mixing = shuffle, blocks, shuffle:", np.allclose(shuffled.to_dense(), channel_layer.to_dense()))

# %% [markdown] tags=["predict"]
# **Predict first.** Both layers are sparse. How full is their product, and does it matter which of them acts first?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The product is full: every output entry depends on every input entry. The order makes no difference while no activation stands
# between them, since both give $V^\top \otimes W$.
#
# </details>

# %% [markdown]
# ## Both at once: the effective weight
#
# A linear Mixer layer $X \mapsto WXV$ does both. On the long vector it is one matrix, the **effective weight** $B$:
#
# $$\mathrm{vec}(WXV) = (V^\top \otimes W)\,\mathrm{vec}(X), \qquad B = V^\top \otimes W = (V^\top \otimes I_S)(I_C \otimes W).
# \tag{T1, T4}$$

# %% mystnb={"image": {"alt": "Three matrices side by side: the effective weight, which is full, and the channel and token layers, which are sparse."}}
B = km.LinearMixer(W, V).effective_weight()
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
layers = [("effective $V^⊤ ⊗ W$", B), ("channel $V^⊤ ⊗ I$", channel_layer), ("token $I ⊗ W$", token_layer)]
km.plotting.plot_layers([(title, op.to_dense()) for title, op in layers], list(axes), blocks=(S, S))
plt.show()

# %%
print("one matrix does both:", np.allclose(B @ km.vec(X), km.vec(W @ X @ V)))
print(f"{B.shape[0] * B.shape[1]} entries from {B.n_parameters} numbers")

# %% [markdown]
# ## Why it matters: widths that cannot be stored
#
# At the size of Mixer-B/16 the effective weight has 150 528 rows. Made explicit it would take 181 gigabytes in double precision;
# from its two factors, multiplying by it, its norm and its determinant take a moment.

# %%
S_big, C_big = 196, 768
W_big, V_big = rng.normal(size=(S_big, S_big)) / S_big**0.5, rng.normal(size=(C_big, C_big)) / C_big**0.5
B_big = km.LinearMixer(W_big, V_big).effective_weight()
print(B_big)
print(f"explicit: {8 * B_big.shape[0] * B_big.shape[1] / 1e9:.0f} GB; largest singular value {km.norm(B_big, 2):.3f}")
print("log |det|:", round(km.slogdet(B_big).logabsdet))

# %% [markdown]
# ## Quick checks
#
# A linear Mixer has $S = 16$ tokens and $C = 4$ channels. How many numbers make its effective weight, and how many entries has
# it?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $16^2 + 4^2 = 272$ numbers make $64^2 = 4096$ entries.
#
# </details>

# %% [markdown]
# Which matrix stands on the left of the Kronecker product when vec stacks columns, and why is it transposed?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $V^\top$: an output channel is a sum over the rows of $V$, that is, over input channels, for one *column* of $V$.
#
# </details>

# %% [markdown]
# Is the commutation matrix $K_{S,C}$ symmetric?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Its transpose is $K_{C,S}$. The two agree only for $S = C$, and where $S$ or $C$ is 1.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **1.1** NumPy's own `reshape(-1)` goes through the rows. Which Kronecker product acts on *that* vector as $X \mapsto WXV$?
# Write it down, then check.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
by_rows = np.kron(W, V.T) @ X.reshape(-1)  # the factors change places: rows first means tokens are the slow index
print("W ⊗ Vᵀ:", np.allclose(by_rows, (W @ X @ V).reshape(-1)))

# %% [markdown]
# **1.2** How often must you shuffle a deck of 52 cards with $K_{2,26}$ until it is in order again?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
shuffle, deck, times = km.commutation(2, 26), np.arange(52), 1
cards = shuffle @ deck
while not np.array_equal(cards, deck):
    cards, times = shuffle @ cards, times + 1
print(f"after {times} perfect shuffles")

# %% [markdown]
# **1.3** The identity $(A \otimes B)(C \otimes D) = AC \otimes BD$ (T15) explains $B = (V^\top \otimes I_S)(I_C \otimes W)$ in one
# line. Which matrices play the four parts? What do you get in the other order, $(I_C \otimes W)(V^\top \otimes I_S)$?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# A = Vᵀ, B = I, C = I, D = W: AC ⊗ BD = Vᵀ ⊗ W. In the other order A = I, B = W, C = Vᵀ, D = I: the same. The layers commute.
other = token_layer @ channel_layer
print("token and channel mixing commute:", np.allclose(other.to_dense(), B.to_dense()))

# %% [markdown]
# ## Where to read more
#
# - J. R. Magnus and H. Neudecker, *The commutation matrix: some properties and applications*, Annals of Statistics 7 (1979).
# - C. F. Van Loan, *The ubiquitous Kronecker product*, Journal of Computational and Applied Mathematics 123 (2000).
# - T. Hayase and R. Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024, arXiv:2306.01470, section 3.
#
# Next: [a whole Mixer is a wide sparse MLP](02_mixer_is_a_wide_mlp.ipynb).

# %% [markdown]
# # 2 A Mixer is a wide, sparse MLP
#
# **You will learn**
#
# - why a whole MLP-Mixer, with its activations, skip connections and norms, is an ordinary MLP on one long vector;
# - how to count the connections of its four effective layers, and which shape makes the vector as long as possible;
# - what an unstructured sparse MLP with the same width and the same number of connections looks like.
#
# You need notebook 1: $\mathrm{vec}$, and the two layers $I_C \otimes W$ and $V^\top \otimes I_S$.

# %%
import numpy as np
from matplotlib import pyplot as plt
from scipy import sparse
from scipy.stats import norm as normal

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)
images, labels = km.datasets.load("digits")

# %% [markdown]
# ## An activation does not care how you write the numbers
#
# The smallest Mixer with activations is the **S-Mixer**: a token layer, $\varphi$, a channel layer, $\varphi$, and so on. We send a
# digit through one such pair. Each row of the picture is the digit's vector of 64 features after one more step; the outlines
# separate the four channels.

# %% mystnb={"image": {"alt": "Five strips of 64 numbers: the digit, after token mixing, after GELU, after channel mixing, after GELU again. GELU removes most of the negative numbers."}}
X = km.datasets.tokens(images[:1], patch=2)[0]
S, C = X.shape
W, V = rng.normal(size=(S, S)) * (2 / S) ** 0.5, rng.normal(size=(C, C)) * (2 / C) ** 0.5
first, second = np.kron(np.eye(C), W), np.kron(V.T, np.eye(S))
steps = [km.vec(X)]
for step in (lambda x: first @ x, lambda x: x * normal.cdf(x), lambda x: second @ x, lambda x: x * normal.cdf(x)):
    steps.append(step(steps[-1]))
fig, ax = plt.subplots(figsize=(9, 1.6), layout="constrained")
km.plotting.plot_matrix(np.array(steps), ax, blocks=(1, S), key=False)
ax.set_yticks(range(5), ["the digit x", "(I ⊗ W) x", "GELU", "(Vᵀ ⊗ I) ·", "GELU"])
ax.set(xlabel="entry of the vector", aspect="auto")
plt.show()

# %% [markdown]
# An activation is applied to each number alone. So it makes no difference whether the numbers stand in a table or in a column:
#
# $$\mathrm{vec}\,\varphi(W X V) = \varphi\big((V^\top \otimes W)\,\mathrm{vec}(X)\big). \tag{T5}$$
#
# Hence the S-Mixer is an MLP of width $m = SC$. Its weights happen to be sparse, and their entries happen to be shared.


# %%
def gelu(x):
    return x * normal.cdf(x)


as_a_table = gelu(gelu(W @ X) @ V)
as_a_vector = gelu(second @ gelu(first @ km.vec(X)))
print(f"table and vector differ by {abs(km.vec(as_a_table) - as_a_vector).max():.0e}")
print(f"width {S * C}, densities {np.mean(first != 0)} = 1/C and {np.mean(second != 0)} = 1/S")

# %% [markdown] tags=["predict"]
# **Predict first.** A block has 16 tokens, 8 channels and $\gamma = 2$. How wide is the MLP that it is, and how many different
# numbers fill its first effective layer?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $m = SC = 128$ features, 256 in the hidden layers. The first layer, $I_8 \otimes W_1$ with $W_1$ of $32 \times 16$, holds 512
# numbers in eight copies.
#
# </details>

# %% [markdown]
# ## The block of an MLP-Mixer: four layers
#
# An MLP-Mixer has an MLP where the S-Mixer has one matrix. A block first mixes tokens, $W_2\,\varphi(W_1 X)$, with a hidden layer
# of $\gamma S$ tokens, then channels, $\varphi(X V_1)\,V_2$, with a hidden layer of $\gamma C$ channels. We build a small one for
# digits, 16 tokens of 8 channels with $\gamma = 2$, and train it, so that we look at weights that do something.

# %% tags=["parameters"] fast="EPOCHS = 2"
EPOCHS = 25

# %%
order = rng.permutation(len(images))
train, test = order[:1400], order[1400:]
fresh = km.networks.mlp_mixer((8, 8, 1), patch=2, channels=8, depth=1, classes=10, dtype=np.float64)
quiet = {"epochs": EPOCHS, "progress": lambda *_: None}
net = km.networks.fit(fresh, images[train], labels[train], schedule=1e-2, **quiet).network
accuracy = np.mean(net(images[test]).argmax(axis=1) == labels[test])
print(net)
print(f"reads {100 * accuracy:.0f} % of {len(test)} held-out digits correctly")

# %% [markdown]
# Here are the four effective layers of its one block. The first two are block diagonal, one copy of $W_1$ or $W_2$ for each
# channel. The last two are made of diagonals, one for each entry of $V_1^\top$ or $V_2^\top$.

# %% mystnb={"image": {"alt": "Four trained matrices: two block diagonal ones, tall and wide, with eight equal blocks; two of parallel diagonals, tall and wide."}}
(block,) = net.blocks
titles = ["$I_C ⊗ W_1$", "$I_C ⊗ W_2$", "$V_1^⊤ ⊗ I_S$", "$V_2^⊤ ⊗ I_S$"]
fig, axes = plt.subplots(1, 4, figsize=(9, 3.1), width_ratios=[1, 2, 1, 2], layout="constrained")
for ax, title, layer in zip(axes, titles, block, strict=True):
    rows, columns = layer.shape
    km.plotting.plot_matrix(layer.to_dense(), ax, key=False, title=title)
    ax.set(xlabel=f"{columns} → {rows}")
plt.show()

# %% [markdown]
# On the long vector the block is a chain of four sparse layers,
#
# $$I_C \otimes W_1, \quad I_C \otimes W_2, \quad V_1^\top \otimes I_S, \quad V_2^\top \otimes I_S, \tag{T5}$$
#
# of widths $m \to \gamma m \to m \to \gamma m \to m$ with $m = SC$. The patch embedding in front is a channel layer too, and the
# mean over tokens at the end is a token layer with one output token.

# %% [markdown]
# ## The same function, two ways
#
# `net(images)` works on the small matrices. `net.as_wide_mlp()` forgets where the layers came from: it is a list of explicit sparse
# matrices with biases and activations.

# %%
wide = net.as_wide_mlp()
print("widths:", " → ".join(map(str, wide.widths)))
print(f"largest difference over {len(images)} digits: {abs(net(images) - wide(images)).max():.0e}")

# %% [markdown]
# ## The same by hand
#
# Trust no library: here is the block with NumPy and SciPy only. First as it is usually written, on the table. The trained arrays
# come in the order in which they are used.

# %%
scale1, shift1, W1, b1, W2, b2, scale2, shift2, V1T, c1, V2T, c2 = (f.squeeze() for f in net.factors[2:14])
V1, V2 = V1T.T, V2T.T


def layer_norm(X, scale, shift):
    centred = X - X.mean(axis=1, keepdims=True)
    return centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-6) * scale + shift


def on_table(X):
    Y = X + W2 @ gelu(W1 @ layer_norm(X, scale1, shift1) + b1[:, None]) + b2[:, None]
    return Y + gelu(layer_norm(Y, scale2, shift2) @ V1 + c1) @ V2 + c2


# %% [markdown]
# Then on the vector, with four sparse matrices. A bias with one number per token repeats for every channel; a bias with one number
# per channel repeats for every token.

# %%
S, C = 16, 8
I_C, I_S = sparse.eye_array(C), sparse.eye_array(S)
A1, A2, A3, A4 = (sparse.kron(*pair) for pair in ((I_C, W1), (I_C, W2), (V1.T, I_S), (V2.T, I_S)))


def on_vector(x):
    def norm(x, scale, shift):
        return km.vec(layer_norm(km.unvec(x, (S, C)), scale, shift))

    y = x + A2 @ gelu(A1 @ norm(x, scale1, shift1) + np.tile(b1, C)) + np.tile(b2, C)
    return y + A4 @ gelu(A3 @ norm(y, scale2, shift2) + np.repeat(c1, S)) + np.repeat(c2, S)


# %%
embedding, bias = (f.squeeze() for f in net.factors[:2])
embedded = X @ embedding.T + bias
difference = abs(km.vec(on_table(embedded)) - on_vector(km.vec(embedded))).max()
residuals = net.body.parts[1:3]  # the library's token half and channel half, on columns
library = residuals[1](residuals[0](km.vec(embedded)[:, None]))[:, 0]
print(
    f"table against vector: {difference:.0e}; vector against the library: {abs(on_vector(km.vec(embedded)) - library).max():.0e}"
)

# %% [markdown]
# A **skip connection** adds the vector to itself changed; adding does not care about the shape. **Layer norm** is the one place
# where we had to go back to the table: it averages over channels, and the channels of one token are the entries $S$ apart in the
# vector. It is neither linear nor entrywise, but it acts on the same vector, like the norm of any MLP.

# %% [markdown]
# ## Follow the digit
#
# Because the two views agree at every layer, we may draw the features of the wide MLP as tables again. The hidden layers have
# $\gamma m = 256$ features, the others 128.

# %% mystnb={"image": {"alt": "Five tables of numbers: the digit's 16 tokens with 8 channels; 32 hidden tokens; back to 16; 16 hidden channels; back to 8 channels."}}
x = km.vec(embedded)
after = [x]
for part in residuals:
    normed, layer1, activation, layer2 = part.parts
    hidden = activation(layer1(normed(after[-1][:, None])))
    after += [hidden[:, 0], part(after[-1][:, None])[:, 0]]
sizes = [(S, C), (2 * S, C), (S, C), (S, 2 * C), (S, C)]
names = ["embedded", "token hidden", "tokens mixed", "channel hidden", "channels mixed"]
fig, axes = plt.subplots(1, 5, figsize=(9, 3.4), width_ratios=[3, 3, 3, 5, 3], layout="constrained")
for ax, name, size, values in zip(axes, names, sizes, after, strict=True):
    km.plotting.plot_matrix(km.unvec(values, size), ax, key=False, title=f"{name}\n{size[0]} × {size[1]}")
plt.show()

# %% [markdown]
# ## Counting connections
#
# A connection is a non-zero entry of an effective weight. The four layers have
#
# $$\gamma C S^2, \quad \gamma C S^2, \quad \gamma C^2 S, \quad \gamma C^2 S, \qquad \text{on average}\quad
# \Omega = \tfrac{\gamma}{2}\,(C S^2 + C^2 S). \tag{T6}$$

# %%
shape = km.MixerShape(S, C, token_expansion=2, channel_expansion=2)
print("layer      widths     connections  counted  density  numbers trained")
for layer, made in zip(shape.layers(), block, strict=True):
    row = f"{layer.width_in} → {layer.width_out}  {layer.connections:11}  {made.to_sparse().nnz:7}"
    print(f"{layer.name:9}  {row}  {layer.density:7.2%}  {layer.n_parameters:15}")
print(f"on average Ω = {shape.connections:.0f}; a dense layer 128 → 256 has {128 * 256}")

# %% [markdown] tags=["predict"]
# **Predict first.** For a given number of connections per layer, should one take many tokens with few channels, many channels
# with few tokens, or as many of one as of the other, to make $SC$ as large as possible?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# As many tokens as channels. Connections grow with $SC\,(S + C)$, and for a given product the sum is smallest when both are
# equal.
#
# </details>

# %% [markdown]
# ## The widest Mixer
#
# Suppose you can afford $\Omega$ connections per layer. You may spend them on many tokens with few channels, or the other way
# round. How wide does the MLP become? Here is the whole curve, for the connections of a Mixer with 64 tokens and 512 channels.

# %% mystnb={"image": {"alt": "Effective width against the number of tokens: a hill whose top is where tokens equal channels; the Mixer with 64 tokens lies left of it."}}
mixer = km.MixerShape(64, 512, token_expansion=2, channel_expansion=2)
best = km.best_shape(mixer.connections, 2, 2)
tokens = np.geomspace(1, 32768, 300)
channels = (np.sqrt(tokens**2 + 4 * mixer.connections / tokens) - tokens) / 2  # solves Ω = S C (S + C) for C
mine, top = (mixer.tokens, mixer.width), (best.tokens, best.width)
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
km.plotting.plot_widths(tokens, tokens * channels, mine, top, ax)
plt.show()

# %% [markdown]
# The top needs no calculus. $\Omega = \tfrac{\gamma}{2} m (S + C)$, and for a given $m = SC$ the sum $S + C$ is smallest when the
# two are equal, $S + C \ge 2\sqrt{m}$. So $\Omega \ge \gamma\, m^{3/2}$, and
#
# $$m \le m^* = (\Omega/\gamma)^{2/3}, \qquad S^* = C^* = (\Omega/\gamma)^{1/3}. \tag{T6}$$

# %%
print(f"{mixer.tokens} × {mixer.channels} tokens × channels: width {mixer.width}")
print(f"best real shape: {best.tokens:.1f} × {best.channels:.1f}, width {best.width:.0f}")
print(
    f"best whole shape: {best.shape.tokens} × {best.shape.channels}, width {best.shape.width}, "
    f"with {best.shape.connections / mixer.connections:.2%} of the connections"
)

# %% [markdown]
# ## The unstructured rival
#
# Is it the width that helps, or the structure? To ask that question one needs an MLP that has the same width and the same number of
# connections, but puts them anywhere: the **sparse-weight MLP** (SW-MLP). Its mask is drawn once, each entry with probability
#
# $$p = \frac{\Omega}{\gamma m^2} = \frac12\Big(\frac1S + \frac1C\Big), \tag{T7}$$
#
# and stays as it is while the weights inside it are trained.

# %% mystnb={"image": {"alt": "Three square supports of 128 by 128: eight full blocks on the diagonal, stripes of diagonals, and points scattered at random."}}
layers = km.token_mixing(np.ones((S, S)), channels=C), km.channel_mixing(np.ones((C, C)), tokens=S)
p = km.MixerShape(S, C).equivalent_density
scattered = km.Masked(np.ones((S * C, S * C)), rng.random((S * C, S * C)) < p)
titles = ["token mixing: density 1/C", "channel mixing: 1/S", f"SW-MLP: p = {p}"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, title, layer in zip(axes, titles, (*layers, scattered), strict=True):
    km.plotting.plot_matrix(layer.to_dense(), ax, key=False, title=title)
plt.show()

# %%
average = np.mean([layer.nnz for layer in layers])
print(f"connections: Mixer {average:.0f} on average, SW-MLP {scattered.nnz}, expected {p * (S * C) ** 2:.0f}")
print(f"numbers trained: token {S * S}, channel {C * C}, SW-MLP {scattered.n_parameters}")

# %% [markdown]
# Same width, same connections, but the Mixer shares its numbers. Golubeva, Neyshabur and Gur-Ari found that at a fixed number of
# connections wider and sparser MLPs generalise better. Together with the hill above this makes a prediction: Mixers should be best
# near $S = C$. Notebook 9 tests it.

# %% [markdown]
# ## Quick checks
#
# Does a wider effective MLP have more trained numbers?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# No. Width counts features; the numbers that are trained are those of the small matrices, and the widest shape for its
# connections has the fewest of them.
#
# </details>

# %% [markdown]
# Which of these act entry by entry on the long vector: GELU, the skip connection, layer norm?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# GELU and the skip connection. Layer norm averages over the channels of each token; it acts on the same vector, but not entry
# by entry.
#
# </details>

# %% [markdown]
# $S = C = 16$, and the layers are square ($\gamma = 1$). Which density has the sparse MLP with as many connections?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $p = \frac12(\frac1{16} + \frac1{16}) = \frac1{16}$ (T7).
#
# </details>

# %% [markdown]
# ## Exercises
#
# **2.1** Layer norm first subtracts from each token its mean over the channels. That step is linear. Write it as a matrix on the
# long vector, draw it for $S = 4$, $C = 3$, and say how dense it is.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true} mystnb={"image": {"alt": "A matrix of nine blocks of 4 by 4, each a multiple of the identity: two thirds in the diagonal blocks, minus one third in the others."}}
centre = km.channel_mixing(
    np.eye(3) - np.full((3, 3), 1 / 3), tokens=4
)  # a channel mixing: (I − 11ᵀ/C) ⊗ I_S, density 1/S
Z = rng.normal(size=(4, 3))
print(
    "centres:", np.allclose(centre @ km.vec(Z), km.vec(Z - Z.mean(axis=1, keepdims=True))), "| density", centre.density
)
km.plotting.plot_matrix(centre.to_dense(), blocks=(4, 4)).figure

# %% [markdown]
# **2.2** Take norms, biases and activations out of a block but leave the two skip connections in. Show that its effective weight is
# a *single* Kronecker product. Which one?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# X + W₂W₁X = (I + W₂W₁)X, and Y + YV₁V₂ = Y(I + V₁V₂): a linear mixing layer (T4) with the matrices I + W₂W₁ and I + V₁V₂.
M = np.eye(S * C)
block_weight = (M + A4 @ A3) @ (M + A2 @ A1)
single = np.kron((np.eye(C) + V1 @ V2).T, np.eye(S) + W2 @ W1)
print(f"one Kronecker product: off by {abs(block_weight - single).max():.0e}")

# %% [markdown]
# **2.3** Mixer-B/16 has 196 tokens, 768 channels and two *different* expansions: 384 hidden tokens, so $\gamma_T = 384/196$, and
# $\gamma_C = 4$. Now $\Omega = \tfrac12(\gamma_T C S^2 + \gamma_C C^2 S)$. What do the tokens and channels of the widest shape
# satisfy, and how much wider is it?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# The same argument: the sum of γ_T S and γ_C C is smallest, at a given product, when the two are equal.
b16 = km.MixerShape(196, 768, token_expansion=384 / 196, channel_expansion=4)
widest = km.best_shape(b16.connections, b16.token_expansion, b16.channel_expansion)
print(f"γ_T S* = {b16.token_expansion * widest.tokens:.1f}, γ_C C* = {4 * widest.channels:.1f}")
print(
    f"width {widest.width:.0f} instead of {b16.width}: {widest.width / b16.width - 1:.0%} more, with {widest.tokens:.0f} tokens"
)

# %% [markdown]
# ## Where to read more
#
# - I. Tolstikhin et al., *MLP-Mixer: An all-MLP Architecture for Vision*, NeurIPS 2021, arXiv:2105.01601.
# - T. Hayase and R. Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024, arXiv:2306.01470.
# - A. Golubeva, B. Neyshabur and G. Gur-Ari, *Are wider nets better given the same number of parameters?*, ICLR 2021,
#   arXiv:2010.14495.
#
# Next: [one primitive behind Kronecker, Monarch and butterfly](03_one_primitive.ipynb).

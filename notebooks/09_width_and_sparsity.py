# %% [markdown]
# # 9 Width and sparsity at a fixed budget
#
# **You will learn**
#
# - how many connections a Mixer spends, and why the widest Mixer for its connections has as many tokens as channels;
# - how to test "wider and sparser is better" on real images, with error bars over seeds and a rule fixed in advance;
# - why sparse MLPs become hard to train when they get very wide, and what a Mixer's structure changes about that.
#
# You need notebooks 1 and 2 (effective layers), and to have trained a small network before. Half a minute of computing.

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km
from kronmix import networks as nn
from kronmix.intervals import t_interval

km.plotting.use_house_style()
MIXER, SPARSE = "C0", "C1"

# %% [markdown]
# ## A budget of connections
#
# A **connection** is a non-zero of an effective weight, and one multiplication for every image. An unstructured sparse MLP
# (SW-MLP) may spend the same connections on a narrow dense layer or on a wide sparse one. A Mixer spends them on its shape:
# tokens $S$ and channels $C$. For layers $I_C \otimes W$ and $V^\top \otimes I_S$ the picture shows the width $m = SC$ that
# 4096 connections a layer can buy.

# %% mystnb={"image": {"alt": "Effective width against the number of tokens at 4096 connections: a hill with its top at 16 tokens, width 256."}}
Ω = 4096
S = np.geomspace(1, 64, 200)
C = (-S + np.sqrt(S**2 + 8 * Ω / S)) / 2
fig, ax = plt.subplots(figsize=(5.6, 3), layout="constrained")
ax.plot(S, S * C, color=MIXER)
for tokens, channels in ((1, 90), (4, 43), (16, 16), (64, 2)):
    ax.plot(tokens, tokens * channels, "o", color=MIXER, clip_on=False)
    ax.annotate(f"{tokens}×{channels}", (tokens, tokens * channels), (0, 8), textcoords="offset points", ha="center")
ax.set(xscale="log", xlabel="tokens S (channels C follow from the connections)", ylabel="width m = S·C", ylim=(0, 300))
ax.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
plt.show()

# %% [markdown]
# The token layer has $CS^2$ connections and the channel layer $C^2S$. Their average, and the shape that makes $m$ largest, are
#
# $$\Omega = \frac{CS^2 + C^2S}{2}, \qquad S^* = C^* = \Omega^{1/3}. \tag{T6}$$
#
# A sparse MLP of the same width and connections keeps each entry with probability
#
# $$p = \frac{\Omega}{m^2} = \frac{1}{2}\left(\frac{1}{S} + \frac{1}{C}\right). \tag{T7}$$
#
# Golubeva, Neyshabur and Gur-Ari found that at a fixed number of connections wider and sparser networks generalise better, until
# they get too sparse. Applied to (T6), this principle says: choose $S \approx C$. Let us test both statements.

# %%
best = km.best_shape(Ω)
shape = best.shape
words = f"{shape.tokens} tokens × {shape.channels} channels"
print(f"{words}: width {shape.width}, {shape.connections:.0f} connections a layer, p = {shape.equivalent_density:.4f}")
print(f"dense layer with as many connections: width {Ω**0.5:.0f}")

# %% [markdown]
# ## A task that is hard enough
#
# Handwritten digits, with noise added so that networks of this size differ. The sizes below set how long the notebook takes.

# %% tags=["parameters"] fast="SEEDS, EPOCHS, IMAGES, WIDTHS, TOKENS, DENSITIES = 2, 1, 100, (64, 192, 512), (1, 16), (1 / 8, 1)"
SEEDS, EPOCHS, IMAGES = 5, 12, 800
WIDTHS, TOKENS = (64, 96, 192, 384, 1024), (1, 2, 4, 8, 16, 32, 64)
DENSITIES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)

# %% mystnb={"image": {"alt": "Six handwritten digits of 8 by 8 pixels above, the same digits with strong noise below, hard to read."}}
pixels, labels = km.datasets.load("digits")
clean = (pixels - pixels.mean()) / pixels.std()
noisy = (clean + np.random.default_rng(0).normal(size=clean.shape)).astype(np.float32)
fig, axes = plt.subplots(2, 6, figsize=(6, 2.2), layout="constrained")
for i, (above, below) in enumerate(axes.T):
    above.imshow(clean[i, :, :, 0], cmap="gray_r")
    below.imshow(noisy[i, :, :, 0], cmap="gray_r")
    above.axis("off"), below.axis("off")
plt.show()

# %% [markdown]
# ## Networks with exactly the same budget
#
# If the first and last layers grow with the width, a wider network has more connections after all. So we fix both ends: a random
# matrix that is *not trained* lifts the 64 pixels to width $m$, another brings the last hidden features down to 64 numbers, and
# a small head makes 10 classes of them. Between them stand two hidden layers. These are just operators: a network is a list of
# parts.


# %%
def normal(rng, rows, columns, inputs=None, gain=1.0):
    return (rng.normal(size=(rows, columns)) * (gain / (inputs or columns)) ** 0.5).astype(np.float32)


def network(layers, seed):
    rng, m = np.random.default_rng([seed, 1]), layers[0].shape[1]
    parts = [nn.Fixed(km.Dense(normal(rng, m, 64)))]
    for layer in layers:
        parts += [nn.Linear(layer, np.zeros((1, m, 1), np.float32)), nn.Activation("gelu")]
    parts += [nn.Fixed(km.Dense(normal(rng, 64, m))), nn.Linear(km.Dense(normal(rng, 10, 64)))]
    return nn.Network(nn.Sequential(*parts), nn.Patches())


# %% [markdown]
# The two hidden layers are either random sparse matrices, or token and channel mixing.


# %%
def sparse_layers(m, p, seed):
    rng = np.random.default_rng([seed, 2])
    return [km.Masked(normal(rng, m, m, p * m, gain=2), rng.random((m, m)) < p) for _ in range(2)]


def mixer_layers(S, C, seed):
    rng = np.random.default_rng([seed, 3])
    W, V = normal(rng, S, S, gain=2), normal(rng, C, C, gain=2)
    return [km.token_mixing(W, channels=C), km.channel_mixing(V, tokens=S)]


# %% [markdown]
# Each seed draws its own training and test images, its own weights and its own order of images.


# %%
def trained(layers, seed, epochs=None):
    order = np.random.default_rng([seed, 4]).permutation(len(labels))
    train, test = order[:IMAGES], order[-700:]
    epochs = EPOCHS if epochs is None else epochs
    rate = nn.cosine(3e-3, epochs * IMAGES // 50, warmup=5)
    options = {"epochs": epochs, "batch": 50, "schedule": rate, "seed": seed, "threads": 1}
    net = nn.fit(network(layers, seed), noisy[train], labels[train], progress=lambda *_: None, **options).network
    return net, noisy[test], labels[test]


def accuracy(layers, seed):
    net, images, wanted = trained(layers, seed)
    return float(np.mean(net(images).argmax(axis=1) == wanted))


# %% [markdown] tags=["predict"]
# **Predict first.** Two networks have the same connections: a dense MLP, and a sparse one three times as wide. Which one reads
# noisy digits better? And is the widest Mixer better than the narrowest?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The principle says: the wider one, both times. The rule below decides from the paired differences. Before you look, count what
# else changes with a Mixer's shape: its free weights.
#
# </details>

# %% [markdown]
# ## The rule, before the results
#
# Whoever looks at the curve first and then picks the two points to compare will always find something. So we say now what we
# compare, on the same seeds: the dense MLP with one of three times its width, the narrowest Mixer ($S = 1$) with the widest
# ($S = C = 16$), and later a Mixer with a permuted one. A statement is *supported* if Student's interval of the paired difference
# lies above zero, *not supported* if it lies below, and *undecided* otherwise. There are three statements, and each would get a
# chance of 5 % to be wrong: their intervals are so wide that all of them hold together with 95 % (Bonferroni).


# %%
STATEMENTS = 3


def verdict(first, second, margin=0.0):
    found = t_interval(np.subtract(first, second), 1 - 0.05 / STATEMENTS)
    low, high = found.low + margin, found.high + margin
    word = "supported" if low > 0 else "not supported" if high < 0 else "undecided at this size"
    return f"{100 * found.mean:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}], {word}"


# %%
density = {m: Ω / m**2 for m in WIDTHS}
sparse = {m: [accuracy(sparse_layers(m, p, seed), seed) for seed in range(SEEDS)] for m, p in density.items()}
print("sparse MLP, three times the width of the dense one:", verdict(sparse[192], sparse[64]))

# %%
channels = {S: round((-S + np.sqrt(S**2 + 8 * Ω / S)) / 2) for S in TOKENS}
mixer = {S: [accuracy(mixer_layers(S, C, seed), seed) for seed in range(SEEDS)] for S, C in channels.items()}
print("Mixer, the widest instead of the narrowest:", verdict(mixer[16], mixer[1]))

# %% [markdown]
# Now the curves. Points are means over seeds, bars 95 % t intervals of the mean, each for itself.


# %%
def draw(ax, x, samples, **look):
    found = [t_interval(values) for values in samples]
    mean, low, high = (np.array([getattr(f, name) for f in found]) for name in ("mean", "low", "high"))
    ax.errorbar(x, mean, [mean - low, high - mean], marker="o", capsize=3, **look)


# %% mystnb={"image": {"alt": "Accuracy against width at fixed connections. The sparse MLPs rise to a width of about 200 and fall slowly after it. The Mixers, labelled by their shapes, lie lower the wider they are."}}
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
draw(ax, list(sparse), sparse.values(), color=SPARSE, label="sparse MLP")
draw(ax, [S * C for S, C in channels.items()], mixer.values(), color=MIXER, label="Mixer, S×C", linestyle="none")
for S, C in channels.items():
    place = {"xytext": (6, 3)} if S >= 16 else {"xytext": (-6, 3), "ha": "right"}
    ax.annotate(f"{S}×{C}", (S * C, np.mean(mixer[S])), textcoords="offset points", fontsize=8, color=MIXER, **place)
ax.set(xscale="log", xlabel="width m, 4096 connections a layer", ylabel="test accuracy")
ax.set_xticks([64, 128, 256, 512, 1024], ["64", "128", "256", "512", "1024"], minor=False)
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What a Mixer pays for its width
#
# The sparse MLP shows both parts of what Golubeva and her colleagues saw: a gain from width, then a loss when each neuron has
# only a few inputs left. The Mixer does not follow it here. One reason may be in the other column of the account. A sparse MLP has as
# many **free weights** as connections. A Mixer shares: its $2\Omega$ connections are copies of only $S^2 + C^2$ numbers, and at a
# fixed $\Omega$ the widest shape is also the one with the *fewest* of them. So width and free weights pull in opposite directions.
# To separate them, compare at the same number of free weights: dense MLPs whose two layers have $2m^2 \approx S^2 + C^2$.

# %%
narrow = {S: round(((S**2 + C**2) / 2) ** 0.5) for S, C in channels.items() if S <= 16}
dense = {S: [accuracy(sparse_layers(m, 1, seed), seed) for seed in range(SEEDS)] for S, m in narrow.items()}
print(f"{16**2 + channels[16] ** 2} free weights, a Mixer of width 256 instead of a dense MLP of width {narrow[16]}:")
print(verdict(mixer[16], dense[16]))

# %% mystnb={"image": {"alt": "Accuracy against the number of free weights. The Mixers lie far above the dense MLPs where there are few free weights, and the two meet where there are many."}}
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
draw(ax, [2 * m**2 for m in narrow.values()], dense.values(), color="0.3", label="dense MLP, width m")
draw(ax, [S**2 + C**2 for S, C in channels.items()], mixer.values(), color=MIXER, label="Mixer", linestyle="none")
for S, m in narrow.items():
    ax.annotate(f"m = {m}", (2 * m**2, np.mean(dense[S])), (6, -10), textcoords="offset points", fontsize=8)
for S, C in channels.items():
    place = {"xytext": (6, 3)} if S >= 16 else {"xytext": (-6, 3), "ha": "right"}
    point = (S**2 + C**2, np.mean(mixer[S]))
    ax.annotate(f"{S}×{C}", point, textcoords="offset points", fontsize=8, color=MIXER, **place)
ax.set(xscale="log", xlabel="free weights in the two hidden layers", ylabel="test accuracy")
ax.set_xticks([500, 1000, 2000, 4000, 8000], ["500", "1000", "2000", "4000", "8000"], minor=False)
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# What these numbers say, at this size: width at fixed connections helps where all weights are free. It does not make up for the
# free weights that a Mixer gives away for it. With few free weights the Mixer is far ahead of a dense MLP with as many. The paper
# reports the principle for Mixers too, at far larger sizes than fit in a notebook. In a Mixer on patches of an image there is one
# more catch: $S$ also sets how large the patches are, so the shape changes what a token is.

# %% [markdown] tags=["predict"]
# **Predict first.** A random sparse layer gets wider while its connections stay the same. What happens to its largest singular
# value, and what to that of a Mixer's layer?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The sparse layer's grows, since the luckiest neuron differs more and more from the average one. The Mixer's stays near $1 +
# \sqrt\gamma$: it is that of one small matrix, repeated.
#
# </details>

# %% [markdown]
# ## Where the random spectrum ends
#
# Why does the sparse MLP lose when it gets very wide? Look at the layers before training. Let
# $W \in \mathbb{R}^{\gamma S \times S}$ have independent entries of variance $1/S$. Its singular values fill an interval,
# with the density of Marchenko and Pastur:
#
# $$\rho(\sigma) = \frac{1}{\pi\sigma}\sqrt{(b^2 - \sigma^2)(\sigma^2 - a^2)}, \qquad a = |1 - \sqrt{\gamma}|, \quad
# b = 1 + \sqrt{\gamma} \tag{T24}$$
#
# for $\gamma \ge 1$. The effective layer $I_C \otimes W$ repeats each of these values $C$ times, so its largest singular value
# stays near $1 + \sqrt{\gamma}$ however wide the Mixer is.

# %% mystnb={"image": {"alt": "A histogram of the singular values of a token-mixing layer; the Marchenko-Pastur curve follows it and both end at 1 + √2."}}
γ, rng = 2, np.random.default_rng(0)
W = rng.normal(size=(γ * 196, 196)) / 196**0.5
layer = km.token_mixing(W, channels=768)
fig, ax = plt.subplots(figsize=(5.6, 3), layout="constrained")
a, b = abs(1 - γ**0.5), 1 + γ**0.5
σ = np.linspace(a, b, 400)
ax.hist(km.singular_values(layer), bins=18, density=True, color=MIXER, alpha=0.35, label=f"{layer.shape[1]} values")
ax.plot(σ, np.sqrt((b**2 - σ**2) * (σ**2 - a**2)) / (np.pi * σ), color=MIXER, label="Marchenko–Pastur")
ax.axvline(b, color="0.4", linestyle=":", label="1 + √γ")
ax.set(xlabel="singular value σ of $I_C ⊗ W$", ylabel="density", ylim=(0, 1))
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# In a random sparse layer with the same number of connections, the wider it is the fewer inputs a neuron has, and the more the
# luckiest neuron differs from the average one. Its largest singular value leaves the interval.


# %%
def edges(inputs, seed, connections=2**15):
    rng, m = np.random.default_rng([seed, 5]), connections // (γ * inputs)
    W = rng.normal(size=(γ * inputs, inputs)) / inputs**0.5
    mask = rng.random((γ * m, m)) < inputs / m
    sparse_layer = km.Masked(rng.normal(size=np.count_nonzero(mask)) / inputs**0.5, mask)
    mixer_layer = km.token_mixing(W, channels=m // inputs)
    return [km.norm(op, 2) / (1 + γ**0.5) for op in (sparse_layer, mixer_layer)]


# %% mystnb={"image": {"alt": "Largest singular value over 1 + √γ against width at fixed connections: sparse layers climb well above 1; Mixer layers do not, but their error bars grow."}}
inputs = (64, 32, 16, 8, 4) if SEEDS > 2 else (64, 8)
seen = np.array([[edges(n, seed) for seed in range(SEEDS)] for n in inputs])
widths = [2**15 // (γ * n) for n in inputs]
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
draw(ax, widths, seen[:, :, 0], color=SPARSE, label="random sparse layer")
draw(ax, widths, seen[:, :, 1], color=MIXER, label="token mixing")
ax.axhline(1, color="0.4", linestyle=":")
ax.set(xscale="log", xlabel=f"width m, {2**15} connections", ylabel="σ max over 1 + √γ")
ax.set_xticks(widths, widths)
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %%
n, values = inputs[-1], seen[-1].mean(axis=0)
print(f"width {widths[-1]}, {n} inputs a neuron: sparse {values[0]:.2f}, Mixer {values[1]:.2f} times the limit")

# %% [markdown]
# With few tokens the Mixer's edge varies from seed to seed, because a small matrix decides it, but here it shows no trend upwards. A large
# $\sigma_{\max}$ shortens the steps that gradient descent can take. The paper names this as the reason why sparse MLPs stop
# training well at extreme widths and Mixers do not. Exercise 9.3 asks what exactly saves the Mixer.
#
# ## Hiding the structure: random permutations
#
# Is it the *block* structure that matters, or only the sharing? The permuted-Kronecker family keeps one and hides the other:
#
# $$J_2\,(I \otimes W)\,J_1 \tag{T8}$$
#
# with permutations $J_1, J_2$. A Mixer uses identities and commutation matrices, a random-permuted Mixer (RP-Mixer) draws them
# at random.

# %% mystnb={"image": {"alt": "Three 64 by 64 matrices: eight equal blocks on the diagonal; the same entries scattered by permutations; a random sparse matrix. The last two look alike."}}
rng = np.random.default_rng(1)
W = normal(rng, 8, 8)
plain, permuted = km.token_mixing(W, channels=8), km.random_permuted_mixing(W, 8, rng)
masked = km.Masked(normal(rng, 64, 64, inputs=8), rng.random((64, 64)) < 1 / 8)
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
layers = [("token mixing", plain), ("permuted: $J_2(I ⊗ W)J_1$", permuted), ("random sparse", masked)]
for ax, (title, op) in zip(axes, layers, strict=True):
    km.plotting.plot_matrix(op.to_dense(), ax, key=False, title=f"{title}, {op.nnz} non-zeros")
plt.show()

# %%
same = np.allclose(km.singular_values(plain), km.singular_values(permuted))
print("same singular values:", same, "– same non-zeros:", plain.nnz == permuted.nnz)
print("random sparse, largest:", round(km.norm(masked, 2), 2), "instead of", round(km.norm(plain, 2), 2))


# %% [markdown]
# To the eye the permuted layer is a random sparse one; to linear algebra it is the Mixer's. Does it train like it? We call
# "permuting costs at most 2 points" supported if the whole interval lies above −2.


# %%
def permuted_layers(S, C, seed):
    rng = np.random.default_rng([seed, 6])
    W, V = normal(rng, S, S, gain=2), normal(rng, C, C, gain=2)
    return [km.random_permuted_mixing(W, C, rng), km.random_permuted_mixing(V, S, rng)]


# %%
shuffled = [accuracy(permuted_layers(16, 16, seed), seed) for seed in range(SEEDS)]
print("RP-Mixer instead of Mixer, 16×16, loss of at most 2 points:", verdict(shuffled, mixer[16], margin=0.02))

# %% [markdown]
# ## How alike are the features?
#
# If a Mixer is a kind of sparse MLP, its hidden features should resemble those of a sparse MLP of the right density. Linear CKA
# compares two sets of centred features $X$ and $Y$ of the same images:
#
# $$\mathrm{CKA}(X, Y) = \frac{\lVert Y^\top X \rVert_F^2}{\lVert X^\top X \rVert_F \, \lVert Y^\top Y \rVert_F}. \tag{T25}$$
#
# It is 1 for features that agree up to a rotation and a scale. The paper found that it peaks near $p = 1/C$ and that dense MLPs
# are less similar. We look at a Mixer with $S = 8$, $C = 16$; the networks share no seed, only the images.


# %%
def features(layers, seed):
    net, images, _ = trained(layers, seed)
    return net.features(images)


# %%
ours = [features(mixer_layers(8, 16, seed), seed) for seed in range(SEEDS)]
theirs = {p: [features(sparse_layers(128, p, 100 + s), s) for s in range(SEEDS)] for p in DENSITIES}
alike = {
    p: [
        np.mean([km.cka(X, Y, "unbiased") for X, Y in zip(*pair, strict=True)])
        for pair in zip(ours, found, strict=True)
    ]
    for p, found in theirs.items()
}
matched = t_interval(np.subtract(alike[1 / 8], alike[1]))
print(f"CKA at p = 1/8 minus dense: {matched.mean:+.3f} [{matched.low:+.3f}, {matched.high:+.3f}]")

# %% mystnb={"image": {"alt": "CKA between Mixer and sparse MLP against the density p: it rises steeply from very sparse networks, then flattens."}}
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
draw(ax, list(alike), alike.values(), color=SPARSE)
ax.axvline(1 / 16, color=MIXER, linestyle="--", label="1/C, the token layer's density")
ax.axvline((1 / 8 + 1 / 16) / 2, color=MIXER, linestyle=":", label="(1/S + 1/C)/2")
ax.set(xscale="log", xlabel="density p of the sparse MLP (p = 1: dense)", ylabel="CKA with the Mixer")
ax.set_xticks(list(alike), [f"1/{1 / p:.0f}" if p < 1 else "1" for p in alike])
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %%
peak = max(alike, key=lambda p: np.mean(alike[p]))
fewer = "lies below" if matched.low > 0 else "lies above" if matched.high < 0 else "cannot be told from"
print(f"largest at p = {peak:g} of the densities tried; the dense MLP {fewer} p = 1/8")

# %% [markdown]
# Two kinds of uncertainty meet here. The bars above come from *seeds*: other weights, other training images. With one seed we
# could also resample the *images* on which the features are compared.

# %%
X, Y, Z = ours[0][1], theirs[1 / 8][0][1], theirs[1][0][1]
one = km.cka_interval(X, Y, resamples=300)
other = km.cka_difference(X, Y, Z, resamples=300)
spread = np.ptp([km.cka(a[1], b[1], "unbiased") for a, b in zip(ours, theirs[1 / 8], strict=True)])
print(f"seed 0, second layer, p = 1/8: CKA {one.value:.3f}, images [{one.low:.3f}, {one.high:.3f}]")
print(
    f"range over {SEEDS} seeds: {spread:.3f}; p = 1/8 minus dense for this seed: [{other.low:+.3f}, {other.high:+.3f}]"
)

# %% [markdown]
# The interval over images says how well we know the similarity of *these two* networks. It says nothing about the next pair:
# for a statement about architectures, repeat the training.
#
# ## The studies proper
#
# This notebook is a small version of four studies in the repository. They run from its top folder, store each cell as it is done,
# go on where they were stopped, and print a table with intervals and a verdict computed by a rule like ours.
#
# ```console
# $ python -m analysis list
# $ python -m analysis run fixed_connections --jobs 2
# $ python -m analysis run spectral_edge
# $ python -m analysis run random_permutation
# $ python -m analysis run similarity --preset full
# ```

# %% [markdown]
# ## Quick checks
#
# Which shape is the widest for 4096 connections a layer, and how wide is it?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $S = C = 4096^{1/3} = 16$, width 256 (T6).
#
# </details>

# %% [markdown]
# How many numbers are free in that shape, and how many connections do they make in both layers?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $S^2 + C^2 = 512$ numbers make $2\Omega = 8192$ connections.
#
# </details>

# %% [markdown]
# Why are the two points of a comparison chosen before the results are seen?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Among many points some pair always differs; chosen afterwards, an interval no longer means what it says.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **9.1** Published Mixers expand tokens and channels differently: Mixer-B/16 has 196 tokens, 768 channels, token MLPs of 384
# hidden units and channel MLPs of 3072. Which shape would be widest for its connections, and how much wider is it?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
base = km.MixerShape(196, 768, token_expansion=384 / 196, channel_expansion=4)
widest = km.best_shape(base.connections, base.token_expansion, base.channel_expansion)
print(
    f"Mixer-B/16: width {base.width}; optimum S* = {widest.tokens:.0f}, C* = {widest.channels:.0f}, width {widest.width:.0f}"
)
print(
    f"{widest.width / base.width:.2f} times as wide; there γ_T S = γ_C C = {base.channel_expansion * widest.channels:.0f}"
)

# %% [markdown]
# **9.2** Now fix the free weights $S^2 + C^2$ instead of the connections. Which shape is widest? What happens to its connections?
# Predict which of 16×16 and 4×22 is more accurate, then train both.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# 2SC ≤ S² + C² with equality for S = C: square shapes are widest, and they have most connections, SC(S + C)/2, too.
long = [accuracy(mixer_layers(4, 22, seed), seed) for seed in range(SEEDS)]
for S, C in ((16, 16), (4, 22)):
    print(
        f"{S}×{C}: {S**2 + C**2} free weights, width {S * C}, {km.MixerShape(S, C).connections:.0f} connections a layer"
    )
print("16×16 instead of 4×22:", verdict(mixer[16], long))

# %% [markdown]
# **9.3** What keeps a Mixer's edge at $1 + \sqrt{\gamma}$: that its blocks are full, or that they are all the same? *Hint:* untie
# them, with `km.KroneckerSparse(values, (C, γS, S, 1))` and values of shape $(C, 1, \gamma S, S)$.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
n = inputs[-1]
blocks = 2**15 // (γ * n) // n
untied = [
    km.KroneckerSparse(np.random.default_rng(s).normal(size=(blocks, 1, γ * n, n)) / n**0.5, (blocks, γ * n, n, 1))
    for s in range(SEEDS)
]
edge = np.mean([km.norm(op, 2) for op in untied]) / (1 + γ**0.5)
random, shared = seen[-1].mean(axis=0)
print(f"width {blocks * n}: untied blocks {edge:.2f}, shared blocks {shared:.2f}, random sparse {random:.2f}")
# The largest of many independent blocks grows much like the sparse layer's edge. Sharing draws one block once.

# %% [markdown]
# ## Where to read more
#
# - T. Hayase and R. Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024, arXiv:2306.01470.
# - A. Golubeva, B. Neyshabur and G. Gur-Ari, *Are wider nets better given the same number of parameters?*, ICLR 2021,
#   arXiv:2010.14495.
# - S. Kornblith, M. Norouzi, H. Lee and G. Hinton, *Similarity of neural network representations revisited*, ICML 2019,
#   arXiv:1905.00414.
#
# Next: [your own Mixer](10_your_own_mixer.ipynb).

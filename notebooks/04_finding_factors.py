# %% [markdown]
# # 4 Finding the factors back
#
# **You will learn**
#
# - how one reshuffling of entries turns "nearest Kronecker product" into an ordinary SVD;
# - how the nearest Monarch matrix is found slice by slice, and longer chains by splitting again and again;
# - what it means that an error is certified, and how to tell which structure suits a weight that somebody has trained.
#
# You need the SVD, and notebook 3 for Monarch matrices and chains.

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km
from kronmix.decompose import rearrange

km.plotting.use_house_style()
rng = np.random.default_rng(0)


def relative(error, matrix):
    return np.linalg.norm(error) / np.linalg.norm(matrix)


# %% [markdown]
# ## A Kronecker product, seen as a table of blocks
#
# In $A \otimes K$ every block is the same small matrix $K$, times one entry of $A$. Write each block as a row, one below the other:
# the rows are then multiples of each other.

# %% mystnb={"image": {"alt": "Left: a 6 by 6 Kronecker product with nine blocks of 2 by 2. Right: nine rows of four numbers, all multiples of one row."}}
A, K = rng.normal(size=(3, 3)), rng.normal(size=(2, 2))
shapes = (A.shape, K.shape)
fig, (left, right) = plt.subplots(1, 2, figsize=(6, 3.4), layout="constrained")
km.plotting.plot_matrix(np.kron(A, K), left, blocks=(2, 2), key=False, title="$A ⊗ K$")
km.plotting.plot_matrix(rearrange(np.kron(A, K), shapes), right, blocks=(1, 1), key=False, title="one row per block")
right.set(xlabel="entry of the block", ylabel="block")
plt.show()

# %% [markdown]
# This reshuffling is the **rearrangement** $\mathcal{R}$ of Van Loan and Pitsianis. It moves entries and changes none, so it keeps
# the Frobenius norm, and
#
# $$\mathcal{R}(A \otimes K) = \mathrm{vec}(A)\,\mathrm{vec}(K)^\top. \tag{T14}$$
#
# A Kronecker product is a matrix of rank one in disguise. A sum of $r$ Kronecker products is one of rank $r$. And for rank we have
# the SVD: cut it after $r$ terms, and nothing of rank $r$ is nearer.

# %%
B = np.kron(A, K) + 0.1 * rng.normal(size=(6, 6))
U, s, Vh = np.linalg.svd(rearrange(B, shapes))
by_hand = s[0] * np.kron(U[:, 0].reshape(3, 3), Vh[0].reshape(2, 2))
found = km.nearest_kronecker(B, shapes)
print("same matrix:", np.allclose(by_hand, found.operator.to_dense()))
print(f"error {found.error:.4f} = root of the other squared singular values, {np.sqrt(np.sum(s[1:] ** 2)):.4f}")

# %% [markdown]
# ## Planted factors are found under noise
#
# Hide three Kronecker products in a 64 × 64 matrix and cover them with noise. The 4096 entries look random; the singular values of
# the rearranged matrix do not.

# %% mystnb={"image": {"alt": "Left: a 64 by 64 matrix that looks like noise. Right: its 64 rearranged singular values, three far above a smooth edge."}}
shapes = ((8, 8), (8, 8))
planted = sum(np.kron(rng.normal(size=(8, 8)), rng.normal(size=(8, 8))) for _ in range(3))
noise = 1.5 * rng.normal(size=planted.shape)
B = planted + noise
values = np.linalg.svd(rearrange(B, shapes), compute_uv=False)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
km.plotting.plot_matrix(B, left, blocks=(8, 8), key=False, title="three Kronecker products and noise")
km.plotting.plot_singular_values(values, ax=right, label="of the rearranged matrix")
plt.show()

# %%
found = km.nearest_kronecker(B, shapes, rank=3).operator.to_dense()
print(f"noise: the matrix is {relative(noise, planted):.2f} away from the planted one (relative)")
print(f"after nearest_kronecker of rank 3: {relative(found - planted, planted):.2f}")
share = 3 * (64 + 64) / 4096
print(
    f"three products have {share:.1%} of the numbers; that share of the noise: {relative(noise, planted) * share**0.5:.2f}"
)

# %% [markdown]
# Most of the noise is gone. It is spread evenly over 4096 directions, and the approximation has room for its share of them only. In
# a norm the share counts by its square root.

# %% [markdown]
# ## Monarch: the same, slice by slice
#
# A Monarch matrix of sizes $(p, k, q, s)$ is one whose $qk$ slices have rank one (T12), or rank $r$ for block rank $r$. The slices
# share no entries, so each may be approximated on its own:
#
# $$\min_{M \text{ Monarch}} \lVert B - M \rVert_F^2 = \sum_{\text{slices } Z} \; \min_{\mathrm{rank}\, Y \le r} \lVert Z - Y
# \rVert_F^2. \tag{T13}$$
#
# All slices together are one batched SVD.

# %%
p = k = q = s = 8
planted = km.Monarch(rng.normal(size=(q, p, k)), rng.normal(size=(k, q, s))).to_dense()
noise = 0.5 * rng.normal(size=planted.shape)
B = planted + noise
slices = B.reshape(p, q, k, s).transpose(1, 2, 0, 3)
σ = np.linalg.svd(slices, compute_uv=False)  # (q, k, 8): eight singular values for each of the 64 slices
found = km.nearest_monarch(B, (p, k, q, s))
print(f"error {found.error:.6f}, by hand {np.sqrt(np.sum(σ[..., 1:] ** 2)):.6f}")
print(f"distance to the planted matrix: before {relative(noise, planted):.2f}, ", end="")
print(f"after {relative(found.operator.to_dense() - planted, planted):.2f}")

# %% [markdown]
# ## What comes back
#
# Every search returns the operator, its error, and a `lower_bound`: **no matrix of the same structure is nearer than this**. For
# Kronecker sums and Monarch matrices bound and error agree to eight digits. The search itself is iterative and fast, but each
# result is checked by an inequality before it is handed out, so you need not trust the iteration.

# %%
print("operator:      ", found.operator)
print(f"relative error: {found.relative_error:.4f}")
print(f"error:          {found.error:.8f}")
print(f"lower bound:    {found.lower_bound:.8f}, so at most {found.error / found.lower_bound - 1:.0e} could be gained")

# %% [markdown]
# ## Longer chains: split, and split again
#
# For a butterfly no single SVD does it. But T11 says what a product of *two* patterns is: slices of rank $r$. So split the first
# factor off with one SVD per slice. What remains belongs to the second pattern times the rest; split again, until one pattern is
# left.


# %% mystnb={"image": {"alt": "A 16 by 16 butterfly matrix, then the first factor and the rest, then all four factors with two entries in each row."}}
def random_butterfly(patterns):
    return km.Chain(*(km.KroneckerSparse(rng.normal(size=pattern.values_shape), pattern) for pattern in patterns))


patterns = km.butterfly_patterns(16)
hidden = random_butterfly(patterns)
one_split = km.nearest_chain(hidden.to_dense(), [patterns[0], patterns[1] * patterns[2] * patterns[3]])
all_split = km.nearest_chain(hidden.to_dense(), patterns)
shown = [hidden, *one_split.operator.operators, *all_split.operator.operators[1:]]
titles = ["the matrix", "first factor", "the rest", "second", "third", "fourth"]
fig, axes = plt.subplots(1, 6, figsize=(9, 2.1), layout="constrained")
for ax, op, title in zip(axes, shown, titles, strict=True):
    km.plotting.plot_matrix(op.to_dense(), ax, key=False, title=title)
plt.show()

# %%
print(f"one splitting: relative error {one_split.relative_error:.0e}; all: {all_split.relative_error:.0e}")

# %% [markdown]
# ## What "certified" means
#
# If the matrix is no butterfly, each splitting is still the best for itself, but the best first step may be bad for the second. The
# factor that is split off is made orthonormal; then the squared errors of the $L - 1$ splittings add up, and none of them is larger
# than the smallest possible error $E$ of the whole chain:
#
# $$E \;\le\; \text{error found} \;\le\; \sqrt{L - 1}\; E. \tag{T13}$$
#
# So the error found, divided by $\sqrt{L-1}$, is a lower bound that no butterfly can beat. Plant a butterfly of size 64 under more
# and more noise. The planted one is off by exactly the noise.

# %%
patterns = km.butterfly_patterns(64)
hidden = random_butterfly(patterns).to_dense()
direction = rng.normal(size=hidden.shape)
direction *= np.linalg.norm(hidden) / np.linalg.norm(direction)
levels = np.geomspace(1e-3, 10, 13)
tried = [km.nearest_chain(hidden + level * direction, patterns) for level in levels]
noise = levels * np.linalg.norm(direction)
error, bound = (np.array([getattr(t, name) for t in tried]) / noise for name in ("error", "lower_bound"))
print(f"error found ÷ noise: {error.min():.3f} to {error.max():.3f}")
print(f"error found ÷ lower bound: {max(error / bound):.3f} = √{len(patterns) - 1}")

# %% mystnb={"image": {"alt": "Errors divided by the noise, against the noise: the planted butterfly at 1, the found one a little below, the bound at less than half; shaded between."}}
fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
ax.set(xscale="log", ylim=(0, 1.1), xlabel="noise, relative to the planted butterfly", ylabel="error ÷ noise")
ax.fill_between(levels, bound, error, alpha=0.15, linewidth=0)
curves = {"planted butterfly": np.ones_like(levels), "butterfly found": error, "no butterfly below": bound}
km.plotting.plot_curves(levels, curves, ax)
plt.show()

# %% [markdown]
# The best butterfly is somewhere in the shaded band. Nobody knows where, but the search cannot have missed it by more than the band
# is wide. It also did better than the butterfly that was planted, at every level of noise: it fits a little of the noise.

# %% [markdown]
# ## A weight that was learned: restoring blurred digits
#
# Enough of planted matrices. Blur the digits, add a little noise, and learn the best linear map back, 64 pixels to 64 pixels, by
# least squares. Nobody tells it about any structure.

# %% mystnb={"image": {"alt": "A digit, the blurred and noisy digit, the restored digit, and the learned 64 by 64 map with a regular pattern of bands."}}
pixels = km.datasets.load("digits")[0].reshape(-1, 64).T
T = (np.eye(8) + 0.5 * np.eye(8, k=1) + 0.5 * np.eye(8, k=-1)) / 2  # each pixel and its two neighbours
seen = km.Kronecker(T, T) @ pixels + 0.05 * rng.normal(size=pixels.shape)
order = rng.permutation(pixels.shape[1])
train, test = order[:1400], order[1400:]
restore = np.linalg.lstsq(seen[:, train].T, pixels[:, train].T)[0].T
i = test[0]
shown = [pixels[:, i].reshape(8, 8), seen[:, i].reshape(8, 8), (restore @ seen[:, i]).reshape(8, 8), restore]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for ax, matrix, title in zip(axes, shown, ["digit", "blurred", "restored", "the learned map"], strict=True):
    km.plotting.plot_matrix(matrix, ax, key=False, title=title)
plt.show()

# %% [markdown]
# The blur is a Kronecker product: it blurs rows and columns alike. Is its learned inverse near one? For comparison take a layer
# between the hidden neurons of a dense MLP that reads the digits, and a matrix of random numbers.

# %% tags=["parameters"] fast="EPOCHS = 3"
EPOCHS = 40

# %%
labels = km.datasets.load("digits")[1]
mlp = km.networks.mlp(64, [64, 64], 10, dtype=np.float64)
quiet = {"epochs": EPOCHS, "progress": lambda *_: None}
mlp = km.networks.fit(mlp, pixels[:, train].T, labels[train], schedule=3e-3, **quiet).network
accuracy = np.mean(mlp(pixels[:, test].T).argmax(axis=1) == labels[test])
print(f"{mlp}: reads {100 * accuracy:.0f} % of the held-out digits")
weights = {"restoring map": restore, "hidden layer": mlp.layers()[1].to_dense(), "random": rng.normal(size=(64, 64))}

# %% [markdown]
# ## Error against the number of parameters
#
# Four families, all of them chains of notebook 3 or sums of such: low rank (that is the chain $(1, n, r, 1) * (1, r, n, 1)$),
# sums of Kronecker products, Monarch matrices, and butterflies with factors of radix 2, 4 and 8.


# %%
def approximations(B):
    ranks, monarch_ranks, radices = (1, 2, 4, 8, 16), (1, 2, 3), ([2] * 6, [4] * 3, [8] * 2)
    return {
        "low rank": [km.nearest_chain(B, [(1, 64, r, 1), (1, r, 64, 1)]) for r in ranks],
        "Kronecker sum": [km.nearest_kronecker(B, ((8, 8), (8, 8)), rank=r) for r in ranks],
        "Monarch": [km.nearest_monarch(B, (8, 8, 8, 8), rank=r) for r in monarch_ranks],
        "butterfly": [km.nearest_chain(B, km.butterfly_patterns(64, radix)) for radix in radices],
    }


results = {name: approximations(B) for name, B in weights.items()}
looks = dict(zip(results["random"], ["s--", "o-", "^-.", "D:"], strict=True))

# %% mystnb={"image": {"alt": "Three panels of relative error against numbers stored. Restoring map: Kronecker sums far below low rank. Hidden layer and random: all families near each other and high."}}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.3), sharey=True, layout="constrained")
for ax, (name, families) in zip(axes, results.items(), strict=True):
    for family, found in families.items():
        sizes, errors = [f.n_parameters for f in found], [f.relative_error for f in found]
        bounds = [f.lower_bound * f.relative_error / f.error for f in found]
        (line,) = ax.plot(sizes, errors, looks[family], label=family)
        ax.plot(sizes, bounds, "_", color=line.get_color(), markersize=9)
    ax.set(xscale="log", ylim=(0, 1), xlabel="numbers stored, of 4096", title=name)
    ax.set_xticks([128, 512, 2048], ["128", "512", "2048"])
    ax.minorticks_off()
axes[0].set_ylabel("relative error")
axes[0].legend(frameon=False, fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# The short bars are the certified bounds. Where a bar sits on its marker, the point itself is the best possible. For the
# butterflies of six and of three factors something might be gained, but nothing below their bars.

# %% [markdown]
# ## A small error in the weight is not yet a good map
#
# Nearest in Frobenius norm counts each entry alike. What we want from the restoring map is restored digits. Measure that too, on
# digits that were held out.

# %%
clean, given = pixels[:, test], seen[:, test]
print(f"error per pixel of doing nothing: {np.mean((given - clean) ** 2):.4f}, ", end="")
print(f"of the learned map: {np.mean((restore @ given - clean) ** 2):.4f}")
for family, found in results["restoring map"].items():
    best = min((f for f in found if f.n_parameters <= 1024), key=lambda f: f.relative_error)
    task = np.mean((best.operator @ given - clean) ** 2)
    print(f"{family}, {best.n_parameters} numbers: weight off by {best.relative_error:.2f}, error per pixel {task:.4f}")

# %% [markdown]
# An approximation that is good for the task is found by training the factors on the task (notebook 6), starting from the nearest
# ones.

# %% [markdown]
# ## Which structure suits which weight?
#
# The verdict, from the numbers above, for at most a quarter of the 4096 numbers. A structure suits a weight if it does clearly
# better than on a random matrix, where there is nothing to find.

# %%
for name, families in results.items():
    best = {
        family: min(f.relative_error for f in found if f.n_parameters <= 1024) for family, found in families.items()
    }
    winner = min(best, key=best.get)
    chance = min(f.relative_error for f in results["random"][winner] if f.n_parameters <= 1024)
    suits = (
        "suits it"
        if best[winner] < 0.5 * chance
        else "hardly suits it"
        if best[winner] < 0.95 * chance
        else "nothing to find"
    )
    print(f"{name}: {winner} is nearest, {best[winner]:.2f} against {chance:.2f} on random numbers: {suits}")

# %% [markdown]
# The restoring map acts on a grid of pixels, and its rows and columns mean something. The neurons of a hidden layer have no order:
# exchange two of them, with their weights, and the network computes the same. A structure that lives on the order of the entries
# cannot be expected there, unless it was built in before training, as a Mixer does.

# %% [markdown]
# ## Exercises
#
# **4.1** Shuffle the pixels: apply one random permutation to the rows and columns of the restoring map. Which of the curves above
# change? Predict first.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Permutations keep the singular values, hence all low-rank errors. The blocks are torn apart, so the Kronecker sums get worse.
shuffle = rng.permutation(64)
shuffled = approximations(restore[np.ix_(shuffle, shuffle)])
for family in ("low rank", "Kronecker sum"):
    before, after = (r[family][3].relative_error for r in (results["restoring map"], shuffled))
    print(f"{family} of rank 8: {before:.3f} before, {after:.3f} after")

# %% [markdown]
# **4.2** Leave out the blur and add strong noise instead, with standard deviation 1. The best linear map is now a different one. Is
# the Kronecker sum still ahead of low rank? Why is low rank so much better than before?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Against strong noise the best map keeps the few directions in which digits vary most and suppresses the others: nearly low rank.
loud = pixels + rng.normal(size=pixels.shape)
denoise = np.linalg.lstsq(loud[:, train].T, pixels[:, train].T)[0].T
denoised = approximations(denoise)
for family in ("low rank", "Kronecker sum"):
    print(f"{family}:", ", ".join(f"{f.relative_error:.2f} with {f.n_parameters}" for f in denoised[family]))

# %% [markdown]
# **4.3** The bound $\text{error}/\sqrt{L-1}$ is general and therefore weak. Find a better one for the restoring map and the radix-2
# butterfly. Hint: multiply the first $l$ patterns together, and the other $L - l$. Each butterfly is also a chain of *these two*
# patterns, and for two patterns the splitting is exact.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
patterns, butterfly = km.butterfly_patterns(64), results["restoring map"]["butterfly"][0]
cuts = []
for l in range(1, len(patterns)):
    first, second = km.Pattern(1, 2**l, 2**l, 64 // 2**l), km.Pattern(2**l, 64 // 2**l, 64 // 2**l, 1)
    cuts.append(km.nearest_chain(restore, [first, second]).relative_error)
weak = butterfly.lower_bound / np.linalg.norm(restore)
print(
    f"found {butterfly.relative_error:.3f}; no butterfly below {weak:.3f} in general, below {max(cuts):.3f} by the best cut"
)

# %% [markdown]
# ## Where to read more
#
# - C. F. Van Loan and N. Pitsianis, *Approximation with Kronecker products*, in Linear Algebra for Large Scale and Real-Time
#   Applications, Kluwer 1993.
# - T. Dao, B. Chen, N. Sohoni et al., *Monarch: Expressive Structured Matrices for Efficient and Accurate Training*, ICML 2022,
#   arXiv:2204.00595 (Theorem 1).
# - Q.-T. Le, L. Zheng, E. Riccietti and R. Gribonval, *Butterfly factorization with error guarantees*, 2024, arXiv:2411.04506.
#
# Next: [proving it](05_proving_it.ipynb).

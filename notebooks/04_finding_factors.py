# %% [markdown]
# # 4 Finding the factors back
#
# **You will learn**
#
# - how one search over all structures, shapes and ranks answers "which structure does my matrix have?", and how it can be exact;
# - what it means that an error is certified, for longer chains too;
# - why a small error in a weight is not yet a good map, and what changes when the data count.
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
# ## A weight that was learned: restoring blurred digits
#
# Blur the digits, add a little noise, and learn the best linear map back, 64 pixels to 64 pixels, by least squares. Nobody tells it
# about any structure.

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

# %% [markdown] tags=["predict"]
# **Predict first.** The learned map undoes a blur on a grid of 8 × 8 pixels. Would you store it as a product of low rank, as a
# sum of Kronecker products of 8 × 8 matrices, or as its largest entries?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# A blur treats rows and columns of the grid alike, which speaks for few Kronecker products. Low rank would throw away
# directions, which a map that restores cannot. How far each gets is what the search computes.
#
# </details>

# %% [markdown]
# ## Ask first
#
# Which structure does the learned map have? `km.search` tries all of them, at every shape and rank: low rank, sums of Kronecker
# products, block-diagonal and Monarch matrices, butterflies.

# %%
found = km.search(restore)
print(f"{len(found.candidates)} candidates, {len(found.front)} on the front")
print(found.answer())
print(found.table())

# %% mystnb={"image": {"alt": "Relative error against numbers stored, both logarithmic: the front of structures falls in steps; it lies below the dash-dotted line of the largest entries in between only."}}
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
found.plot(ax)
plt.show()

# %% [markdown]
# Each point of the front is the best of those tried for its number of numbers. The dash-dotted line is what a structure has to beat: as
# many of the largest entries, with their places for free. "Optimal" means that nothing of that structure is nearer, and this is
# proved. The rest of this notebook is about how that can be, and about what the error does not say.

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
# One SVD gives the errors of *all* ranks at this pair of shapes: the squares of what is cut off. That is a whole curve of the search
# for the price of one decomposition, and so for every pair of shapes.

# %%
families = {name: km.search(restore, families=[name]) for name in ("low rank", "Kronecker sum", "Monarch", "butterfly")}
σ = np.linalg.svd(rearrange(restore, ((8, 8), (8, 8))), compute_uv=False)
by_hand = np.sqrt(np.cumsum(σ[::-1] ** 2)[::-1] / np.sum(σ**2))[1:]  # by_hand[r - 1]: relative error of rank r
rows = [row for row in families["Kronecker sum"].candidates if row.sizes == (8, 8, 8, 8)]
same = np.allclose([row.relative_error for row in rows], by_hand[: len(rows)])
print(f"ranks 1 to {len(rows)} by one SVD, as in the search: {same}")

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
# The search was not told where to look. Does it find what was planted?

# %%
print("planted: sum of Kroneckers (8, 8, 8, 8), rank 3; the search takes", km.search(B).choose())

# %% [markdown]
# ## Monarch: the same, slice by slice
#
# A Monarch matrix of sizes $(p, k, q, s)$ is one whose $qk$ slices have rank one (T12), or rank $r$ for block rank $r$. The slices
# share no entries, so each may be approximated on its own:
#
# $$\min_{M \text{ Monarch}} \lVert B - M \rVert_F^2 = \sum_{\text{slices } Z} \; \min_{\mathrm{rank}\, Y \le r} \lVert Z - Y
# \rVert_F^2. \tag{T13}$$
#
# All slices together are one batched SVD, which again gives all ranks at once.

# %%
slices = restore.reshape(8, 8, 8, 8).transpose(1, 2, 0, 3)  # p, q, k, s: slice [q, k] has entries (p, s)
σ = np.linalg.svd(slices, compute_uv=False)  # (q, k, 8): eight singular values for each of the 64 slices
best = km.nearest_monarch(restore, (8, 8, 8, 8))
print(f"error {best.error:.6f}, by hand {np.sqrt(np.sum(σ[..., 1:] ** 2)):.6f}")
print("operator:   ", best.operator)
print(f"lower bound: {best.lower_bound:.6f}, so at most {best.error / best.lower_bound - 1:.0e} could be gained")

# %% [markdown]
# Each result carries its error and a `lower_bound`: **no matrix of the same structure is nearer than this**. The decomposition
# inside is iterative and fast, but each result is checked by an inequality before it is handed out, so you need not trust the
# iteration.

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
# So the error found, divided by $\sqrt{L-1}$, is a lower bound that no butterfly can beat. `lower_bound` is better still: cut
# anywhere, a butterfly is also a chain of two patterns, for which the splitting is exact (T28). Plant a butterfly of size 64 under
# more and more noise. The planted one is off by exactly the noise.

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
print(
    f"error found ÷ lower bound: at most {max(error / bound):.3f}; in general √{len(patterns) - 1} = {(len(patterns) - 1) ** 0.5:.3f}"
)

# %% mystnb={"image": {"alt": "Errors divided by the noise, against the noise: the planted butterfly at 1, the found one a little below, the bound below that; shaded between."}}
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
# ## Which structure suits which weight?
#
# Back to learned weights. For comparison take a layer between the hidden neurons of a dense MLP that reads the digits, and a matrix
# of random numbers, in which there is nothing to find.

# %% tags=["parameters"] fast="EPOCHS = 3"
EPOCHS = 40

# %%
labels = km.datasets.load("digits")[1]
mlp = km.networks.mlp(64, [64, 64], 10, dtype=np.float64)
quiet = {"epochs": EPOCHS, "progress": lambda *_: None}
mlp = km.networks.fit(mlp, pixels[:, train].T, labels[train], schedule=3e-3, **quiet).network
accuracy = np.mean(mlp(pixels[:, test].T).argmax(axis=1) == labels[test])
print(f"{mlp}: reads {100 * accuracy:.0f} % of the held-out digits")
weights = {"hidden layer": mlp.layers()[1].to_dense(), "random": rng.normal(size=(64, 64))}
fronts = {"restoring map": families}
for name, B in weights.items():
    fronts[name] = {family: km.search(B, families=[family]) for family in families}

# %% mystnb={"image": {"alt": "Three panels of relative error against numbers stored for four families. Restoring map: Kronecker sums far below low rank. Hidden layer and random: all families near each other and high."}}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.3), sharey=True, layout="constrained")
for ax, (name, found) in zip(axes, fronts.items(), strict=True):
    for (family, front), look in zip(found.items(), ("s--", "o-", "^-.", "D:"), strict=True):
        rows = [row for row in front if 128 <= row.n_parameters <= 2048]
        numbers, errors = [row.n_parameters for row in rows], [row.relative_error for row in rows]
        ax.plot(numbers, errors, look, markersize=3, label=family)
    ax.set(xscale="log", ylim=(0, 1.02), xlabel="numbers stored, of 4096", title=name)
    ax.set_xticks([128, 512, 2048], ["128", "512", "2048"])
    ax.minorticks_off()
axes[0].set_ylabel("relative error")
axes[0].legend(frameon=False, fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# The verdict, from these numbers, for at most a quarter of the 4096. A structure suits a weight if it does clearly better than on
# random numbers.


# %%
def nearest(found):
    rows = {family: front.choose(budget=1024) for family, front in found.items()}
    return min(rows.items(), key=lambda pair: pair[1].relative_error)


for name, found in fronts.items():
    family, row = nearest(found)
    chance = fronts["random"][family].choose(budget=1024).relative_error
    share = row.relative_error / chance
    suits = "suits it" if share < 0.5 else "hardly suits it" if share < 0.95 else "nothing to find"
    print(f"{name}: {row} is nearest, {row.relative_error:.2f} against {chance:.2f} on random numbers: {suits}")

# %% [markdown]
# The restoring map acts on a grid of pixels, and its rows and columns mean something. The neurons of a hidden layer have no order:
# exchange two of them, with their weights, and the network computes the same. A structure that lives on the order of the entries
# cannot be expected there, unless it was built in before training, as a Mixer does.

# %% [markdown] tags=["predict"]
# **Predict first.** An approximation of the restoring map is proved to be the nearest of its kind. Must the digits that it
# restores be better than the blurred ones?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# No. Nearest in Frobenius norm counts all entries alike, and the digits use few of the 64 directions. The next cells compare
# with leaving the digit as it is.
#
# </details>

# %% [markdown]
# ## Worse than doing nothing
#
# Nearest in Frobenius norm counts each entry alike. What we want from the restoring map is restored digits. So measure that, on
# digits that were held out, beside the plainest map of all: leave the blurred digit as it is.


# %%
def pixel_error(restored):
    return np.mean((restored - pixels[:, test]) ** 2)


given = seen[:, test]
nothing, learned = pixel_error(given), pixel_error(restore @ given)
print(f"error per pixel of doing nothing: {nothing:.4f}, of the learned map: {learned:.4f}")
for front in families.values():
    row = front.choose(budget=1024)
    task = pixel_error(front.fit(row).operator @ given)
    verdict = "worse than doing nothing" if task > nothing else "better than doing nothing"
    print(f"{row}, {row.n_parameters} numbers: weight off by {row.relative_error:.2f}, per pixel {task:.4f}: {verdict}")

# %% [markdown]
# An approximation can be certified as the best of its kind and still undo what the weight was for. Digits fill few of the 64
# directions; what counts is how much of the error lies in those.
#
# ## Let the data count
#
# The error that counts is the one on data: minimise $\lVert (B - M) X \rVert_F$ over the same structures, with the inputs $X$ that
# the layer sees. For low rank this is exact, by an SVD of $B\,\Sigma^{1/2}$ with $\Sigma = XX^\top$; for Kronecker sums and
# Monarch matrices exact where $\Sigma$ has a fitting structure, otherwise found in alternating exact steps, with a proved bracket
# (T32).

# %%
X = seen[:, train]
fits = {
    "low rank": lambda row: km.nearest_low_rank(restore, row.rank, inputs=X),
    "Kronecker sum": lambda row: km.nearest_kronecker(restore, ((8, 8), (8, 8)), row.rank, inputs=X),
    "Monarch": lambda row: km.nearest_monarch(restore, row.sizes, row.rank, inputs=X),
}
for family, fit in fits.items():
    row = families[family].choose(budget=1024)
    aware, plain = fit(row), families[family].fit(row)
    errors = [pixel_error(found.operator @ given) for found in (plain, aware)]
    print(f"{row}: error of the weight {plain.relative_error:.2f} → {aware.relative_error:.2f}, ", end="")
    print(f"on its inputs {aware.relative_data_error:.3f}, per held-out pixel {errors[0]:.4f} → {errors[1]:.4f}")

# %% [markdown]
# The weight's own error may grow while the map becomes better. `km.search(B, inputs=X)` searches with this error; notebook 9 does it
# to the layers of a network.

# %% [markdown]
# ## Quick checks
#
# A matrix is a sum of three Kronecker products. What is the rank of its rearrangement?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# At most three (T14).
#
# </details>

# %% [markdown]
# A butterfly of six factors is found with error 0.2 by splitting again and again. What is sure about the best one?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Its error lies between $0.2/\sqrt5 \approx 0.09$ and 0.2 (T13).
#
# </details>

# %% [markdown]
# Why may the slices of a Monarch matrix be approximated one by one?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# They share no entries, so the squared errors add up.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **4.1** Shuffle the pixels: apply one random permutation to the rows and columns of the restoring map. Which of the curves above
# change? Predict first. Then let `km.find_permutations` look for an order in which it is near a Kronecker product again.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Permutations keep the singular values, hence all low-rank errors. The blocks are torn apart, so the Kronecker sums get worse.
shuffle = rng.permutation(64)
shuffled = restore[np.ix_(shuffle, shuffle)]
for family in ("low rank", "Kronecker sum"):
    before, after = (f.choose(budget=1024) for f in (families[family], km.search(shuffled, families=[family])))
    print(f"{family}: {before.relative_error:.3f} before, {after.relative_error:.3f} after")
plain = km.nearest_kronecker(shuffled, ((8, 8), (8, 8)))
ordered = km.find_permutations(shuffled, ((8, 8), (8, 8)), structure="kronecker")
original = km.nearest_kronecker(restore, ((8, 8), (8, 8)))
errors = [found.relative_error for found in (original, plain, ordered.factorization)]
print("one product: {:.3f} in the original order, {:.3f} shuffled, {:.3f} reordered".format(*errors))

# %% [markdown]
# **4.2** Leave out the blur and add strong noise instead, with standard deviation 1. The best linear map is now a different one. Is
# the Kronecker sum still ahead of low rank? Why is low rank so much better than before?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Against strong noise the best map keeps the few directions in which digits vary most and suppresses the others: nearly low rank.
loud = pixels + rng.normal(size=pixels.shape)
denoise = np.linalg.lstsq(loud[:, train].T, pixels[:, train].T)[0].T
for family in ("low rank", "Kronecker sum"):
    front = km.search(denoise, families=[family])
    rows = [front.choose(budget=numbers) for numbers in (256, 512, 1024)]
    print(f"{family}:", ", ".join(f"{row.relative_error:.2f} with {row.n_parameters}" for row in rows))

# %% [markdown]
# **4.3** The bound $\text{error}/\sqrt{L-1}$ is general and therefore weak. Find the better one that `lower_bound` gives, for the
# restoring map and the radix-2 butterfly, by hand. Hint: multiply the first $l$ patterns together, and the other $L - l$. Each butterfly is also a chain of *these two*
# patterns, and for two patterns the splitting is exact.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
patterns = km.butterfly_patterns(64)
butterfly, cuts = km.nearest_chain(restore, patterns), []
for l in range(1, len(patterns)):
    first, second = km.Pattern(1, 2**l, 2**l, 64 // 2**l), km.Pattern(2**l, 64 // 2**l, 64 // 2**l, 1)
    cuts.append(km.nearest_chain(restore, [first, second]).relative_error)
weak = butterfly.relative_error / np.sqrt(len(patterns) - 1)
given_bound = butterfly.lower_bound / np.linalg.norm(restore)
print(f"found {butterfly.relative_error:.3f}; no butterfly below {weak:.3f} in general, ", end="")
print(f"below {max(cuts):.3f} by the best cut; lower_bound says {given_bound:.3f}")

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

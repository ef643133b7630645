# %% [markdown]
# # 6 What gradient descent regularises
#
# **You will learn**
#
# - which penalty on the effective weight is the same as weight decay on its factors, exactly, for each architecture;
# - how loose the $\ell_1$ bound for Mixers is, and which statements about sparsity hold instead;
# - what gradient flow conserves, how to find and count such laws, and how fast gradient descent drifts from them.
#
# You need Kronecker products (notebook 1), Monarch matrices and their slices (notebook 4), and gradient descent.

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown]
# ## Two numbers for one
#
# Write one weight as a product, $b = uv$, and train $u$ and $v$ with weight decay $\frac\lambda2(u^2 + v^2)$. The pairs that give
# the same $b$ lie on a hyperbola. The loss cannot tell them apart; weight decay can, and prefers the point nearest to the origin.

# %% mystnb={"image": {"alt": "Three hyperbolas u v = b with the point of each nearest to the origin, and the circle through it; the points lie on the diagonal."}}
fig, ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")
u, angle = np.linspace(0.1, 3, 200), np.linspace(0, np.pi / 2, 100)
for b, colour in zip((0.25, 1.0, 2.25), ("C0", "C1", "C2"), strict=True):
    nearest = km.balanced_factors(km.Hadamard([[1.0]], [[1.0]]), [[b]])
    near_u, near_v = (factor.item() for factor in nearest.factors)
    ax.plot(u, b / u, color=colour, label=f"$uv = {b:.2f}$, cost {(near_u**2 + near_v**2) / 2:.2f}")
    ax.plot(np.hypot(near_u, near_v) * np.cos(angle), np.hypot(near_u, near_v) * np.sin(angle), ":", color=colour)
    ax.plot(near_u, near_v, "o", color=colour)
ax.set(xlim=(0, 3), ylim=(0, 3), xlabel="$u$", ylabel="$v$", aspect="equal")
fig.legend(loc="outside right upper", frameon=False)
plt.show()

# %% [markdown]
# The cheapest way to write $b$ costs $|b|$: not a square. So ridge on the factors is the *lasso* on their product. In general,
# weight decay on the factors $\theta$ of a weight $B(\theta)$ costs the weight
#
# $$R(B) = \min\{\tfrac12\lVert\theta\rVert^2 : B(\theta) = B\}. \tag{T17}$$
#
# This is an identity, not an analogy: minimising loss + $\frac\lambda2\lVert\theta\rVert^2$ over $\theta$ is minimising loss +
# $\lambda R(B)$ over all $B$ the factors can give. `km.induced_penalty` knows $R$, and `km.balanced_factors` the factors that
# attain it.

# %%
B = rng.normal(size=(3, 4))
form = km.Hadamard(np.ones((3, 4)), np.ones((3, 4)))
penalty = km.induced_penalty(form, B)
paid = sum(np.sum(factor**2) for factor in km.balanced_factors(form, B).factors) / 2
print(f"{penalty.name}: R(B) = {penalty.value:.6f}, ‖B‖₁ = {abs(B).sum():.6f}, paid by balanced factors: {paid:.6f}")

# %% [markdown]
# ## Descent finds the minimum by itself
#
# Nobody computes balanced factors while training. Start a Monarch matrix with one factor ten times too large and train with
# weight decay: what is paid falls until it meets $R$ of the current weight.

# %% mystnb={"image": {"alt": "Against training time: half the squared norm of the factors falls until it meets the group norm R of the weight."}}
target = km.Monarch(rng.normal(size=(3, 3, 3)), rng.normal(size=(3, 3, 3))).to_dense()
start = km.Monarch(3 * rng.normal(size=(3, 3, 3)), 0.3 * rng.normal(size=(3, 3, 3)))
record = {
    "½‖θ‖²": lambda op: sum(np.sum(factor**2) for factor in op.factors) / 2,
    "R(B)": lambda op: km.induced_penalty(op).value,
}
run = km.gradient_descent(km.Observed(target), start, 0.01, 2000, record, weight_decay=0.3)
fig, ax = plt.subplots(figsize=(5.6, 3), layout="constrained")
ax.set(xlabel="time", ylabel="penalty", xscale="log", yscale="log")
km.plotting.plot_curves(run.times[1:], {name: values[1:] for name, values in run.recorded.items()}, ax)
plt.show()

# %% [markdown] tags=["predict"]
# **Predict first.** Weight decay on the two factors of $b = uv$ costs $|b|$. What does it cost on the factors of $B = V \otimes
# W$, and does this prefer weights with many zeros?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $\lVert B\rVert_F$ (T17). It does not: weights of the same Frobenius norm cost the same, however many zeros they have.
#
# </details>

# %% [markdown]
# ## One weight, many prices
#
# The same weight costs something different under every parametrisation. Five weights of 16 × 16, all with Frobenius norm 1:


# %%
def ones(*shape):
    return np.ones(shape)


weights = {
    "Gaussian": rng.normal(size=(16, 16)),
    "V ⊗ W": np.kron(rng.normal(size=(4, 4)), rng.normal(size=(4, 4))),
    "identity": np.eye(16),
    "rank 1": np.outer(rng.normal(size=16), rng.normal(size=16)),
    "one entry": np.eye(16) * (np.arange(16) == 3),
}
weights = {name: B / np.linalg.norm(B) for name, B in weights.items()}

# %%
dense, mixer = km.Dense(ones(16, 16)), ones(4, 4)
structures = {
    "dense": dense,
    "entrywise $u ∘ v$": km.Hadamard(ones(16, 16), ones(16, 16)),
    "product $PQ$": km.Chain(dense, dense),
    "product $PQR$": km.Chain(dense, dense, dense),
    "Kronecker (Mixer)": km.Kronecker(mixer, mixer),
    "16 Kroneckers": km.SumOfKroneckers([(mixer, mixer)] * 16),
    "Monarch": km.Monarch(ones(4, 4, 4), ones(4, 4, 4)),
    "Monarch, rank 4": km.Monarch(ones(4, 4, 16), ones(4, 16, 4), rank=4),
    "Mixer of 2 layers": km.LinearMixer([mixer] * 2, [mixer] * 2),
}

# %% mystnb={"image": {"alt": "A table of nine parametrisations by five weights: each cell holds the induced penalty, darker where it is larger, infinite in some."}}
prices = np.array([[km.induced_penalty(s, B).value for B in weights.values()] for s in structures.values()])
names = [f"{key}:  {km.induced_penalty(s, weights['one entry']).name}" for key, s in structures.items()]
fig, ax = plt.subplots(figsize=(8.6, 3.6), layout="constrained")
ax.imshow(np.log(np.where(np.isfinite(prices), prices, np.nan)), cmap="Blues", vmin=-1, vmax=5, aspect="auto")
ax.set_xticks(range(len(weights)), weights)
ax.set_yticks(range(len(names)), names)
ax.grid(visible=False)
for (i, j), value in np.ndenumerate(prices):
    ax.text(j, i, f"{value:.2f}" if np.isfinite(value) else "∞", ha="center", va="center")
plt.show()

# %% [markdown]
# Read along the rows. A dense layer pays the same for all five. Entrywise products prefer few entries, matrix products low rank,
# and Monarch matrices few *slices*. ∞ means that the factors cannot give this weight. The Kronecker row is as flat as the dense
# one: a Mixer layer pays $\lVert B\rVert_F$ and nothing else. We return to this in a moment.

# %% [markdown]
# ## What the penalties look like
#
# On the plane of matrices $\begin{pmatrix} x & y \\ y & x\end{pmatrix}$, with singular values $|x + y|$ and $|x - y|$, the sets
# $R(B) \le R(I)$ can be drawn. Corners and tips mark what a penalty prefers.

# %%
two = km.Dense(ones(2, 2))
shapes = {
    "dense": (two, "C0-"),
    "$u ∘ v$": (km.Hadamard(*[ones(2, 2)] * 2), "C1-"),
    "$PQ$": (km.Chain(two, two), "C2-"),
    "$u ∘ v ∘ w$": (km.Hadamard(*[ones(2, 2)] * 3), "C1--"),
    "$PQR$": (km.Chain(two, two, two), "C2--"),
}

# %% mystnb={"image": {"alt": "Five curves through (1, 0): a circle, a diamond in it, a square around it, a star with tips on the axes, one with tips on the diagonals."}}
angles = np.linspace(0, 2 * np.pi, 401)
circle = np.stack([np.cos(angles), np.sin(angles)])
fig, ax = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
for name, (structure, look) in shapes.items():
    cost = [km.induced_penalty(structure, [[x, y], [y, x]]).value for x, y in circle.T]
    degree = 2 / len(structure.factors)  # R(tB) = t^degree R(B)
    ax.plot(*(circle * (cost[0] / np.array(cost)) ** (1 / degree)), look, label=name)
ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
fig.legend(loc="outside right upper", frameon=False)
plt.show()

# %% [markdown]
# Two factors give a convex penalty: the diamond has its corners at sparse matrices, the square at matrices of rank 1
# ($x = \pm y$). Three factors bend the sides inwards. The preference gets stronger, at the price of convexity: there may be
# several minima.

# %% [markdown]
# ## The $\ell_1$ bound and its slack
#
# It has been argued that Mixers are sparse because of a chain of inequalities for an $m \times m$ effective weight
# $B = V \otimes W$:
#
# $$\tfrac12(\lVert V\rVert_F^2 + \lVert W\rVert_F^2) \;\ge\; \lVert B\rVert_F \;\ge\; \tfrac1m\lVert B\rVert_1. \tag{T16}$$
#
# The right end looks like a lasso. But the first step is an equality for balanced factors, so the penalty *is*
# $\lVert B\rVert_F$, and the second step is loose by exactly $m\lVert B\rVert_F/\lVert B\rVert_1$. Let us measure that ratio at
# the width of Mixer-B/16, for factors with entries $\pm1$ and more and more zeros.

# %% tags=["parameters"] fast="TOKENS, CHANNELS = 24, 32"
TOKENS, CHANNELS = 196, 768


# %%
def signs(n, share):
    return rng.choice([-1.0, 1.0], (n, n)) * (rng.permutation(n * n).reshape(n, n) < share * n * n)


shares = (1, 0.5, 0.2, 0.1, 0.05, 0.02)
sparse = [km.Kronecker(signs(CHANNELS, share), signs(TOKENS, share)) for share in shares]
filled = np.array([1 - km.sparsity_profile(B).zeros / B.shape[0] ** 2 for B in sparse])
gauss = km.l1_bound(km.Kronecker(rng.normal(size=(CHANNELS,) * 2), rng.normal(size=(TOKENS,) * 2)))

# %% mystnb={"image": {"alt": "Looseness of the bound against the density of B: dots on the line one over root density, rising as B gets sparser; a level line for Gaussians."}}
fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
ax.loglog(filled, filled**-0.5, color="0.4", label=r"$1/\sqrt{\mathrm{density}}$")
ax.loglog(filled, [km.l1_bound(B).looseness for B in sparse], "o", label="entries 0, ±1")
ax.axhline(gauss.looseness, linestyle=":", color="C1", label=f"Gaussian factors: {gauss.looseness:.3f}")
ax.set(xlabel="density of $B$", ylabel=r"looseness $m‖B‖_F / ‖B‖_1$")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# The bound is an equality only where all entries have the same size. The sparser the weight, the further the bound is from what
# is paid: exactly where it should explain something, it says least. (Gaussian factors give $\pi/2$, as $E|g| = \sqrt{2/\pi}$ for
# each.) `km.sparsity_profile` reports this ratio for any weight, beside other measures.

# %%
profile = km.sparsity_profile(sparse[-1])
print(sparse[-1])
print(f"Hoyer sparsity {profile.hoyer:.3f}, ℓ1 bound loose by {profile.l1_looseness:.1f}")

# %% [markdown]
# ## What is exact instead
#
# Three weights, all of them Kronecker products of Frobenius norm 1, with fewer and fewer slices that are not zero. The same
# matrix can be a Mixer layer, tied (cost $\lVert B\rVert_F$), or a Monarch matrix with free blocks (cost
# $\sum \lVert\mathrm{slice}\rVert_*$, which is $\sum \lVert\mathrm{slice}\rVert_F$ here, where every slice has rank 1). Every fourth
# row belongs to the same slices; the rows are sorted, so that each block of the picture is one slice.

# %% mystnb={"image": {"alt": "Three 16 by 16 weights with 16, 4 and 1 active slices. Titles: the Mixer pays 1.00 for each, Monarch pays less the fewer slices there are."}}
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.3), layout="constrained")
for ax, active in zip(axes, (4, 2, 1), strict=True):
    kept = np.arange(4) < active
    B = np.kron(rng.normal(size=(4, 4)) * kept, rng.normal(size=(4, 4)) * kept[:, None])
    B /= np.linalg.norm(B)
    tied, free = (km.induced_penalty(structures[name], B).value for name in ("Kronecker (Mixer)", "Monarch"))
    by_slice = B.reshape(4, 4, 16).swapaxes(0, 1).reshape(16, 16)
    km.plotting.plot_matrix(by_slice, ax, blocks=(4, 4), title=f"Mixer pays {tied:.2f}, Monarch {free:.2f}")
plt.show()

# %% [markdown]
# This is the precise form of "the architecture regularises":
#
# - a **Mixer layer** regularises $\lVert B\rVert_F$: no preference for sparse weights;
# - the same layer **untied**, a Monarch matrix, regularises the slices' nuclear norms, summed: few active slices;
# - **depth** turns the Mixer's norm into low rank: two linear layers of each kind pay $2\lVert B\rVert_*^{1/2}$ (last row of the
#   table).

# %% [markdown] tags=["predict"]
# **Predict first.** The loss is $\frac12(1 - uv)^2$. One run starts at $(u, v) = (1, 0)$, another at $(10^{-3}, 10^{-3})$. Do
# both end at the same $(u, v)$?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Both reach $uv = 1$, at different places: $u^2 - v^2$ stays what it was, 1 in the first run and 0 in the second. The first
# ends at about $(1.27, 0.79)$, the second at $(1, 1)$.
#
# </details>

# %% [markdown]
# ## Without weight decay: what is conserved
#
# Now drop the penalty. Gradient flow on $b = uv$ is still not free to go where it likes: with *any* loss, $u' = -g v$ and
# $v' = -g u$ for the same $g$, so $u^2 - v^2$ never changes. Every trajectory stays on its hyperbola. Here the loss is
# $\frac12(1 - uv)^2$.

# %% mystnb={"image": {"alt": "Trajectories in the plane of u and v, each along a hyperbola, ending on the curve u v = 1; dots of descent with a large step leave one."}}
record = {"u": lambda op: op.factors[0].item(), "v": lambda op: op.factors[1].item()}
fig, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
ax.plot(u, 1 / u, "--", color="0.5", label="$uv = 1$")
for start in [(0.1, 0.1), (0.6, 0.0), (1.2, 0.1), (1.9, 0.1), (0.0, 0.8), (0.1, 1.6), (2.3, 1.4), (1.5, 2.2)]:
    flow = km.gradient_flow(km.Observed([[1.0]]), km.Hadamard([[start[0]]], [[start[1]]]), 30, record)
    ax.plot(flow.recorded["u"], flow.recorded["v"], color="C0")
    ax.plot(*start, "o", color="C0", markersize=3)
steps = km.gradient_descent(km.Observed([[1.0]]), km.Hadamard([[2.3]], [[1.4]]), 0.2, 12, record)
ax.plot(steps.recorded["u"], steps.recorded["v"], "^:", color="C1", label="descent, large steps")
ax.set(xlim=(-0.05, 2.5), ylim=(-0.05, 2.5), xlabel="$u$", ylabel="$v$", aspect="equal")
fig.legend(loc="outside right upper", frameon=False)
plt.show()

# %% [markdown]
# From a small start the conserved numbers are small, so the factors stay nearly balanced all the way:
# $\frac12\lVert\theta\rVert^2$ is nearly $R(B)$ even though nobody asked for it. That is where implicit regularisation begins
# (notebook 7). Other structures conserve other things:

# %%
small = {
    "u ∘ v": km.Hadamard(ones(2, 2), ones(2, 2)),
    "V ⊗ W": km.Kronecker(ones(2, 2), ones(2, 1)),
    "three Kronecker factors": km.Kronecker(ones(2, 1), ones(2, 1), ones(2, 1)),
    "P Q, inner size 2": km.Chain(km.Dense(ones(3, 2)), km.Dense(ones(2, 3))),
    "Monarch, 4 slices": km.Monarch(ones(2, 2, 2), ones(2, 2, 2)),
    "Monarch, tied": km.Monarch(ones(1, 2, 2), ones(1, 2, 2)),
}
for name, op in small.items():
    print(f"{name:24}", ", ".join(km.conserved_quantities(op)))

# %% [markdown]
# ## Laws found, not known
#
# Those formulas are known from the literature. Could there be more? A quadratic function $\theta^\top Q\theta$ is conserved for
# every loss if its gradient $2Q\theta$ is orthogonal to the gradient of every entry of $B(\theta)$: linear equations in $Q$,
# which `km.find_quadratic_laws` solves exactly. And the number of laws of *any* form is known too: the dimension of $\theta$
# minus that of the Lie algebra that the gradients generate (T19).

# %%
print(f"{'':24} parameters  quadratic laws found  laws in all")
for name, op in small.items():
    found = km.find_quadratic_laws(op)
    print(f"{name:24} {op.n_parameters:10}  {len(found):20}  {found.total:11}")

# %% [markdown]
# Here every law is quadratic, and there are no others. One per entry, one per slice, $k - 1$ for $k$ Kronecker factors,
# $r(r+1)/2$ for a product of inner size $r$. Tying the blocks of a Monarch matrix leaves a single law of the four. A found law
# can be read:

# %%
law = km.find_quadratic_laws(small["V ⊗ W"]).matrices[0]
print("diagonal of Q for V ⊗ W:", law.diagonal(), "| the rest is zero:", not (law - np.diag(law.diagonal())).any())

# %% [markdown]
# ## Descent drifts at order η
#
# A step of size $\eta$ breaks a law by $O(\eta^2)$, and a fixed training time takes $1/\eta$ steps: the drift is $O(\eta)$.

# %% tags=["parameters"] fast="STEP_SIZES = [0.02, 0.01, 0.005]"
STEP_SIZES = [0.02, 0.01, 0.005, 0.002, 0.001, 0.0005]
TIME = 5.0

# %% mystnb={"image": {"alt": "Left: drift of nine slice laws along one run. Right: largest drift against step size, dots on a line of slope 1; the flow lies far below."}}
start = km.Monarch(0.5 * rng.normal(size=(3, 3, 3)), 0.5 * rng.normal(size=(3, 3, 3)))
record = {"slice laws": lambda op: km.conserved_quantities(op)["UᴴU − VVᴴ of every slice"]}
runs = [km.gradient_descent(km.Observed(target), start, η, round(TIME / η), record) for η in STEP_SIZES]
flow = km.gradient_flow(km.Observed(target), start, TIME, record)
largest = [np.ptp(run.recorded["slice laws"], axis=0).max() for run in [*runs, flow]]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
km.plotting.plot_drift(runs[0], "slice laws", left).set_title(f"step size {STEP_SIZES[0]}")
right.loglog(STEP_SIZES, largest[:-1], "o", label="gradient descent")
right.loglog(STEP_SIZES, largest[0] * np.array(STEP_SIZES) / STEP_SIZES[0], color="0.4", label="slope 1")
right.axhline(largest[-1], linestyle=":", color="C1", label="gradient flow (integrator's error)")
right.set(xlabel="step size $η$", ylabel="largest drift", title=f"after time {TIME:g}")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Quick checks
#
# What is the smallest $\frac12(u^2 + v^2)$ for $uv = -4$?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# 4, at $|u| = |v| = 2$.
#
# </details>

# %% [markdown]
# For which weights is $\lVert B\rVert_F \ge \frac1m\lVert B\rVert_1$ an equality?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# For those whose entries all have the same size. The sparser the weight, the looser the bound.
#
# </details>

# %% [markdown]
# How many quadratic laws has a product of inner size 3?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $r(r + 1)/2 = 6$.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **6.1** Layer scale: every row of a trained matrix $D$ is multiplied by a trained number, $B = \mathrm{diag}(s)\,D$. Which
# penalty is weight decay on $s$ and $D$? Which rows would you expect to die? Find a structure of this notebook that *is* this
# parametrisation, and check.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Row by row a number times a vector: ½(s² + ‖d‖²) ≥ |s|‖d‖ = ‖row‖, so R(B) = Σ‖row‖, a group lasso over rows: whole rows die.
# As a Monarch matrix: each row is a slice of 1 × 6, with left blocks 1 × 1 (the numbers s) and one right block 4 × 6 (D).
B = rng.normal(size=(4, 6))
scaled = km.induced_penalty(km.Monarch(ones(4, 1, 1), ones(1, 4, 6)), B)
print(f"{scaled.name}: {scaled.value:.6f}; sum of the rows' norms: {np.linalg.norm(B, axis=1).sum():.6f}")

# %% [markdown]
# **6.2** With weight decay $\lambda$ the laws are no longer conserved. How does $u^2 - v^2$ change, and what does this say about
# the factors after long training? Check your formula on a flow.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# u' = −gv − λu, v' = −gu − λv: (u² − v²)' = −2λ(u² − v²). Imbalance is forgotten at rate 2λ, whatever the loss.
λ, law = 0.1, {"law": lambda op: km.conserved_quantities(op)["u0² − u1²"].item()}
decayed = km.gradient_flow(km.Observed([[1.0]]), km.Hadamard([[2.0]], [[0.1]]), 10, law, weight_decay=λ)
predicted = decayed.recorded["law"][0] * np.exp(-2 * λ * decayed.times)
print(f"largest error of the formula: {abs(decayed.recorded['law'] - predicted).max():.0e}")

# %% [markdown]
# **6.3** How many laws does a sum of two Kronecker products have? And two linear Mixer layers with 2 tokens and 1 channel? Predict
# first, then count.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Σ V_i ⊗ W_i is a product PQ of inner size 2 in other places (the rearranged matrix), so 2·3/2 = 3.
# The Mixer: 3 for the product of two 2 × 2 token weights, 1 for the product of two channel numbers, 1 between the two chains.
print("sum of two:", km.count_conservation_laws(km.SumOfKroneckers([(ones(2, 2), ones(2, 1))] * 2)))
print("two Mixer layers:", km.count_conservation_laws(km.LinearMixer([ones(2, 2)] * 2, [ones(1, 1)] * 2)))

# %% [markdown]
# ## Where to read more
#
# - P. D. Hoff, *Lasso, fractional norm and structured sparse estimation using a Hadamard product parametrization*, Computational
#   Statistics & Data Analysis 115 (2017), arXiv:1611.00040.
# - N. Srebro, J. D. M. Rennie and T. S. Jaakkola, *Maximum-margin matrix factorization*, NIPS 2004 (published 2005).
# - Z. Dai, M. Karzand and N. Srebro, *Representation costs of linear neural networks: analysis and design*, NeurIPS 2021.
# - S. Marcotte, R. Gribonval and G. Peyré, *Abide by the law and follow the flow: conservation laws for gradient flows*, NeurIPS
#   2023, arXiv:2307.00144.
# - T. Hayase and R. Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024, arXiv:2306.01470.
#
# Next: [regularisation paths](07_regularisation_paths.ipynb).

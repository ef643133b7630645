# %% [markdown]
# # 7 Regularisation paths
#
# **You will learn**
#
# - why descent from small factors learns strong parts first, and what the time average of a run has to do with the lasso;
# - how training time, initial scale and weight decay each trace a path of weights, and which convex path each of them follows;
# - which of these statements are exact, which are limits, and where the limit leaves the convex path.
#
# You need induced penalties and conservation laws (notebook 6), Monarch matrices and their slices (notebook 4), and the lasso.

# %%
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_diabetes

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown] tags=["predict"]
# **Predict first.** The target has slices of norms 4, 2, 1 and ½, and training starts from tiny factors. Do the slices rise
# together, and if not, when does the second come?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# One after another, at about $\log(1/\alpha)/s$: the slice of norm 2 comes at twice the time of the slice of norm 4.
#
# </details>

# %% [markdown]
# ## Strong slices first
#
# A weight of 16 × 16, seen as 16 slices of 4 × 4, has four slices that are not zero, of norms 4, 2, 1 and ½. We train Monarch
# factors from a tiny start to reproduce it. No penalty, no noise.


# %%
def unit(shape, axis):
    x = rng.normal(size=shape)
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


sizes, α = (4, 4, 4, 4), 1e-6
left, right, strength = unit((4, 4, 4), 1), unit((4, 4, 4), 2), np.zeros((4, 4))
active = (np.array([0, 1, 2, 3]), np.array([1, 3, 0, 2]))  # one slice in every row and column of slices
strength[active] = 4, 2, 1, 0.5
target = km.Monarch(left * strength[:, None], right).to_dense()
start = km.Monarch(α * rng.normal(size=(4, 4, 4)), α * rng.normal(size=(4, 4, 4)))

# %% mystnb={"image": {"alt": "Left: four slice norms rise one after another to 4, 2, 1 and one half, closed forms on top. Right: the same as a heat map of 16 rows."}}
times = np.linspace(0, 45, 300)
run = km.gradient_flow(km.Observed(target), start, 45, {"B": lambda op: op.to_dense()}, times=times)
norms = np.array([km.plotting.slice_norms_of(sizes)(B) for B in run.recorded["B"]])
overlap = np.einsum("qpk,qpk->qk", left, start.left) + np.einsum("kqs,kqs->qk", right, start.right)
closed = km.regularization.balanced_mode(strength[active], overlap[active] ** 2 / 4, times[:, None])
fig, (ax, heat) = plt.subplots(1, 2, figsize=(6.6, 2.5), layout="constrained")
km.plotting.plot_modes(times, norms[:, *active], closed, ax).set_ylabel("slice norms (formula dashed)")
km.plotting.plot_slices(km.regularization.Path(-times[::15], run.recorded["B"][::15]), sizes, heat)
heat.set(xlabel="time", xticks=[0, 19], xticklabels=["0", f"{times[-15]:.0f}"])
plt.show()

# %% [markdown]
# Each slice waits near zero, rises, and rests at its target: twice as strong, twice as early. The other twelve never move. The
# dashed curves are no fit. A balanced mode $\sigma = uv$ with target $s$ obeys $\sigma' = 2\sigma(s - \sigma)$, which has the
# solution
#
# $$\sigma(t) = \frac{s}{1 + (s/\sigma_0 - 1)\,e^{-2st}} \tag{T20}$$
#
# and on a fully observed target every slice is such a mode of its own. Starting at $\sigma_0 = \alpha^2$, it rises at
# $t \approx \log(1/\alpha)/s$.

# %% [markdown]
# ## The average over time is a soft threshold
#
# Ask for the *average* weight so far instead of the current one. A mode that is 0 until $\log(1/\alpha)/s$ and $s$ afterwards has
# the average $s - \log(1/\alpha)/t$ once it has risen. Call $\lambda = \log(1/\alpha)/t$, and that is $(s - \lambda)_+$: the soft
# threshold, which is the solution of the lasso for one observed number $s$. Training time is a regularisation parameter.

# %% mystnb={"image": {"alt": "Left: averages of one mode against lambda for three scales approach the soft threshold. Right: averaged slice norms, straight lines."}}
λs = np.geomspace(0.05, 5, 120)
fig, (ax, profile) = plt.subplots(1, 2, figsize=(6.6, 2.5), layout="constrained")
for scale in (1e-2, 1e-8, 1e-30):
    average = km.regularization.averaged_mode(1.0, scale**2, np.log(1 / scale) / λs)
    ax.plot(λs, average, label=f"α = {scale:g}")
ax.plot(λs, np.maximum(1 - λs, 0), "k--", linewidth=0.9, label="$(s - λ)_+$")
ax.set(xlim=(0, 2), xticks=[0, 1, 2], xlabel="$λ = \\log(1/α)/t$", ylabel="average of a mode, $s = 1$")
ax.legend(frameon=False)
averages = km.averaged_flow(start, target, 1e-40, np.linspace(0.05, 4.5, 60))
km.plotting.plot_profile(averages, km.plotting.slice_norms_of(sizes), "slice norms", profile)
profile.set(xlabel="λ", xscale="linear")
plt.show()

# %% [markdown]
# The right picture is the whole Monarch weight (T27): every slice is thresholded by the same $\lambda$, which is the path, dashed, of
#
# $$\tfrac12\lVert B - T\rVert_F^2 + \lambda \sum\lVert\mathrm{slice}\rVert_*, \tag{T17}$$
#
# the penalty that notebook 6 found for weight decay: the nuclear norm of every slice, summed. (Slices of rank 1, seen in full, are
# shrunk by the group lasso in the same way; in other problems the two differ, see notebook 8.)

# %% [markdown]
# ## The lasso path of real data, from one run
#
# Does this survive when the coordinates are not independent? scikit-learn's diabetes data has 442 patients, 10 measurements each,
# and a score of the disease a year later. `km.reference_path` gives the exact lasso path with its kinks; `km.diagonal_flow`
# follows $w = u \circ v$ from scale $\alpha$, and its average, in rescaled time $t/\log(1/\alpha)$.

# %%
A, y = load_diabetes(return_X_y=True)
A, y = (A - A.mean(0)) / A.std(0), (y - y.mean()) / y.std()
problem = km.Regression(A.T, y)
kinks = km.reference_path(problem, "l1").kinks
λs = np.geomspace(0.99 * kinks[0], 5e-4, 100)
lasso = km.reference_path(problem, "l1", λs)
flows = {scale: km.diagonal_flow(A, y, scale, 1 / λs) for scale in (1e-4, 1e-10, 1e-50, 1e-140)}
print(f"the lasso path has {kinks.size} kinks, the first weight enters at λ = {kinks[0]:.3f}")

# %% mystnb={"image": {"alt": "Left: the weights themselves jump in steps as time goes on. Right: their averages follow the dashed lasso path closely, but for a stretch near the end."}}
fig, (ax, profile) = plt.subplots(1, 2, figsize=(7, 2.7), layout="constrained")
saddles = km.saddle_sequence(A, y)
steps = np.append(saddles.times, 2000), np.vstack([saddles.saddles, saddles.saddles[-1:]])
ax.step(*steps, color="0.8", linewidth=2.6, where="post")
ax.plot(1 / λs, flows[1e-10].weights, color="C0", linewidth=1)
ax.set(xscale="log", xlim=(1, 2000), xlabel="rescaled time $t/\\log(1/α) = 1/λ$", title="weights, α = 1e-10")
ax.set_ylabel("weights (limit α → 0 in grey)")
by_time = km.regularization_path(problem, km.Hadamard(*[np.ones((1, 10))] * 2), "time", λs, scale=1e-10)
km.plotting.plot_profile(by_time, ax=profile).set(xlabel="λ", xlim=(1, 5e-4), title="their averages, and the lasso")
plt.show()

# %% [markdown]
# On the left the weight itself jumps from saddle to saddle (T22): each time, one coordinate enters or leaves, and the other active
# ones adjust. `km.saddle_sequence` computes the jumps of the limit $\alpha \to 0$ directly. On the right the *average* follows the
# lasso (this is `kind="time"`). Nothing was penalised, no lasso was solved to get it; one run gives the whole path. Behind it stands
# an identity that is exact at every time and scale:
#
# $$\tfrac12\,\mathrm{arcsinh}(w/\alpha^2) = t\,(r - M\bar w(t)), \qquad M = A^\top A/N,\; r = A^\top y/N. \tag{T26}$$
#
# As $\alpha \to 0$ the left side is $\log(1/\alpha)$ times the sign of $w$ wherever $w$ is not zero, and those are the lasso's
# optimality conditions at $\lambda = \log(1/\alpha)/t$.

# %% mystnb={"image": {"alt": "Relative distance to the lasso against lambda for four scales: smaller scales are nearer, except in one stretch, where all are equally far off."}}
growth = np.diff(np.abs(lasso.weights[:, 0]) / λs[:, None], axis=0)
turn = λs[np.argmax((growth < -1e-9).any(axis=1))]
fig, ax = plt.subplots(figsize=(6.2, 2.5), layout="constrained")
for scale, flow in flows.items():
    distance = flow.path(lasso.weights).distance
    ax.loglog(λs, distance, label=f"α = {scale:g}, median {np.median(distance):.0e}")
ax.axvline(turn, color="0.5", linestyle=":", label="a weight falls faster than λ")
ax.set(xlabel="λ", ylabel="relative distance to the lasso", xlim=(λs[0], λs[-1]), ylim=(1e-5, 2))
fig.legend(loc="outside right upper", frameon=False)
plt.show()

# %% [markdown]
# The smaller the scale, the nearer: the distance falls about like $1/\log(1/\alpha)$. There is one exception. The average times
# $t$ is the integral of $w$, and an integral of numbers of one sign only grows. At the dotted line a weight of the lasso starts
# to fall faster than that, so the average cannot follow, however small $\alpha$ is, until it has changed its sign
# (exercise 7.2).

# %% [markdown] tags=["predict"]
# **Predict first.** $w = u \circ v$ is trained until it fits measurements that leave many solutions. Which one does it find
# from a tiny initial scale, and which from a huge one?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Close to the one of least $\ell_1$ norm from a tiny scale, of least $\ell_2$ norm from a huge one, and in between the one of
# least hypentropy (T21).
#
# </details>

# %% [markdown]
# ## Initial scale: from $\ell_1$ to $\ell_2$
#
# Now fit *exactly*, with fewer measurements than unknowns, and wait until the end. Which of the many solutions does
# $w = u \circ v$ choose? The one of least **hypentropy** (T21), a potential that depends on the initial scale. Near zero it is a
# square, far out it is nearly linear; it changes at $|w| = \alpha^2$. Twelve measurements of 30 unknowns, three of them not zero:

# %%
truth = np.zeros(30)
truth[:3] = 1, -2, 1.5
few, scales = rng.normal(size=(12, 1, 30)), np.geomspace(1e-5, 10, 13)
by_scale = km.regularization_path(
    km.Sensing(few, few[:, 0] @ truth), km.Hadamard(*[np.ones((1, 30))] * 2), "scale", scales
)

# %% mystnb={"image": {"alt": "Left: hypentropy for four scales, from a straight line to a parabola. Right: final weights against scale, sparse on the left."}}
fig, (ax, profile) = plt.subplots(1, 2, figsize=(6.6, 2.5), layout="constrained")
w = np.linspace(0, 1, 101)
for scale in (1e-8, 0.1, 0.4, 10):
    potential = np.array([km.regularization.hypentropy([x], scale) for x in w])
    ax.plot(w, potential / potential[-1], label=f"α = {scale:g}")
ax.set(xlabel="$w$", xticks=[0, 0.5, 1], ylabel="$Φ_α(w)$, scaled to 1")
ax.legend(frameon=False)
km.plotting.plot_profile(by_scale, lambda B: B[0, :8], "8 weights", profile).set_xlabel("initial scale α")
plt.show()

# %%
error = np.linalg.norm(by_scale.weights[:, 0] - truth, axis=1) / np.linalg.norm(truth)
print(f"distance from the potential's minimiser: at most {by_scale.distance.max():.0e}, at all scales")
print(f"error against the truth: {error[0]:.0e} at α = {by_scale.parameter[0]:.0e}, {error[-1]:.2f} at α = 10")

# %% [markdown]
# A small scale gives the sparse truth (least $\ell_1$, the *rich* regime), a large one the solution of least $\ell_2$ (the *kernel*
# regime), and in between there is a path.

# %% [markdown]
# ## Weight decay: nuclear norms of slices
#
# The third knob is the one of notebook 6. Sensing: we measure 110 random combinations $\langle A_i, B\rangle$ of the 256 entries
# of a weight with three active slices. For every $\lambda$ we train Monarch factors with weight decay, and put the convex path
# beside it:
#
# $$\text{loss} + \lambda \sum \lVert \mathrm{slice} \rVert_*. \tag{T17}$$


# %%
def sensing(active, measurements, rng, noise=0.0):
    slices = np.zeros((16, 4, 4))
    slices[rng.choice(16, active, replace=False)] = np.einsum("ap,as->aps", *rng.normal(size=(2, active, 4)))
    B = slices.reshape(4, 4, 4, 4).transpose(2, 0, 1, 3).reshape(16, 16)
    A = rng.normal(size=(measurements, 16, 16))
    y = np.einsum("nij,ij->n", A, B)
    return km.Sensing(A, y + noise * y.std() * rng.normal(size=measurements)), B


def monarch(scale, rng):
    return km.Monarch(*(scale * rng.normal(size=(4, 4, 4)) for _ in range(2)))


# %% mystnb={"image": {"alt": "Slice norms against lambda: three large ones and many small ones at small lambda, the dashed convex path exactly on top."}}
noisy, B = sensing(3, 110, rng, noise=0.05)
by_decay = km.regularization_path(noisy, monarch(1, rng), "decay", np.geomspace(6, 0.12, 16), restarts=0)
fig, ax = plt.subplots(figsize=(4.8, 2.7), layout="constrained")
km.plotting.plot_profile(by_decay, km.plotting.slice_norms_of(sizes), "slice norms", ax).set_xlabel("λ")
print(f"largest relative distance from the convex path: {by_decay.distance.max():.0e}")
plt.show()

# %% [markdown]
# The problem over the factors is not convex; the number printed says how near descent came to the convex solution. Whole slices are
# zero at large $\lambda$. The convex value is a lower bound for the factors' problem, and it is attained where the convex
# solution has slices of rank 1. (At much smaller $\lambda$ it fits the noise with slices of higher rank, which the factors cannot
# follow.) There is a fourth knob, `kind="rank"`: see exercise 7.1. Whether *time averages* follow the convex path here too is an
# open question; the study `sensing_average` measures how nearly they do.

# %% [markdown]
# ## Quick checks
#
# What does soft thresholding with $\lambda = 0.5$ make of 2 and of 0.3?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# 1.5 and 0.
#
# </details>

# %% [markdown]
# What plays the part of $\lambda$ in an average over time?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $\log(1/\alpha)/t$: late means little regularisation.
#
# </details>

# %% [markdown]
# Does the average over time follow the lasso in every problem once $\alpha$ is small enough?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# No. It leaves it where a weight of the lasso falls too fast, however small $\alpha$ is.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **7.1** For a sum of $r$ Kronecker products fitted to an observed weight, `kind="rank"` runs through $r = 1, 2, \dots$ Compare
# what it does to the singular values of the rearranged weight $\mathcal{R}(B)$ with what weight decay does. Which of the two is a
# convex path?


# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
def rearranged(B):
    return np.linalg.svd(B.reshape(2, 3, 2, 3).swapaxes(1, 2).reshape(4, 9), compute_uv=False).round(3) + 0.0


seen = km.Observed(rng.normal(size=(6, 6)))
terms = km.SumOfKroneckers([(np.ones((2, 2)), np.ones((3, 3)))] * 4)
by_rank = km.regularization_path(seen, terms, "rank", [2])
decayed = km.regularization_path(seen, terms, "decay", [2.0], restarts=1)
print("singular values of the data:", rearranged(seen.T))
print("two terms:                  ", rearranged(by_rank.weights[0]))
print("weight decay, λ = 2:        ", rearranged(decayed.weights[0]))
# Rank is a hard threshold, the truncated SVD: not convex. Decay is the soft threshold, the nuclear norm's path: convex (T17, T27).

# %% [markdown]
# **7.2** Take the limit $\alpha \to 0$: `km.saddle_sequence(A, y).averages(1 / λ)` are its time averages. Where do they equal the
# lasso to rounding, and where not? Which weight is to blame, and why does the limit come back to the lasso at the end?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
limit = saddles.averages(1 / λs)
off = np.linalg.norm(limit - lasso.weights[:, 0], axis=1) > 1e-9
feature = load_diabetes().feature_names[int(np.argmax((growth < -1e-9).any(axis=0)))]
print(
    f"equal to the lasso at {np.sum(~off)} of {λs.size} λ, not from {λs[off][0]:.4f} to {λs[off][-1]:.5f}: {feature!r}"
)
# t w̄ = ∫ w. Where the lasso's |weight|/λ falls, w would need the other sign; but its dual has to travel from one end of [−1, 1]
# to the other first. Meanwhile w = 0 and w̄ decays like 1/t, too slowly. Then w has the other sign, the average catches up, and
# once it has changed its own sign the optimality conditions hold again.

# %% [markdown]
# ## Where to read more
#
# - A. M. Saxe, J. L. McClelland and S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
#   networks*, ICLR 2014, arXiv:1312.6120.
# - B. Woodworth et al., *Kernel and rich regimes in overparametrized models*, COLT 2020, arXiv:2002.09277.
# - S. Pesme and N. Flammarion, *Saddle-to-saddle dynamics in diagonal linear networks*, NeurIPS 2023, arXiv:2304.00488.
# - R. Berthier, *Diagonal linear networks and the lasso regularization path*, 2025, arXiv:2509.18766.
#
# Next: [recovery, and what is open](08_recovery.ipynb).

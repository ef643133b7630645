# %% [markdown]
# # 8 Recovery, and what is open
#
# **You will learn**
#
# - how gradient descent on Monarch factors recovers a weight from too few measurements, where the least-squares solution cannot;
# - why a norm is not the explanation in general: an example in which descent drives every norm to infinity;
# - how to tell two convex problems apart that look alike, and which of them stands beside Monarch factors.
#
# You need notebook 7: slices, sensing, and the path of weight decay.

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng, sizes = np.random.default_rng(0), (4, 4, 4, 4)


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


# %% [markdown] tags=["predict"]
# **Predict first.** 110 measurements, 256 unknowns, no penalty. Can descent find the weight that was measured?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# On a dense weight it ends at the solution of least $\ell_2$ norm, which is another one. On Monarch factors from a small start
# it can, if few slices are active; the next cells show one case.
#
# </details>

# %% [markdown]
# ## Recovery without any penalty
#
# Plain gradient descent from a small start, run until the data are fitted: no penalty, and no noise. 110 equations for 256
# unknowns have many solutions. Blocks of the pictures are slices.

# %% mystnb={"image": {"alt": "Three 16 by 16 weights: the truth with three active slices, descent's solution that looks the same, and a full least-squares solution."}}
problem, truth = sensing(3, 110, np.random.default_rng(1))
run = km.gradient_descent(problem, monarch(1e-4, rng), steps=4000, record={"B": lambda op: op.to_dense()})
dense = km.reference_path(problem, "ridge", [0.0]).weights[0]
weights = {"truth": truth, "descent on Monarch factors": run.operator.to_dense(), "minimum ℓ2": dense}
fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2), layout="constrained")
for ax, (name, B) in zip(axes, weights.items(), strict=True):
    by_slice = B.reshape(4, 4, 16).swapaxes(0, 1).reshape(16, 16)
    km.plotting.plot_matrix(by_slice, ax, blocks=(4, 4), key=False, title=name)
    if name != "truth":
        ax.set_xlabel(f"relative error {np.linalg.norm(B - truth) / np.linalg.norm(truth):.0e}")
plt.show()

# %% [markdown]
# Both fit all the measurements. Descent on the factors found the truth; the minimum-$\ell_2$ solution, which is what descent on a
# dense weight finds, did not (T23). Descent's solution has nearly the least sum of nuclear norms of its slices,
#
# $$\min_B\ \sum\lVert\mathrm{slice}\rVert_* \quad\text{subject to}\quad \langle A_i, B\rangle = y_i. \tag{T17}$$


# %%
def nuclear(B):
    return np.linalg.svd(B.reshape(4, 4, 4, 4).transpose(1, 2, 0, 3), compute_uv=False).sum()


def interpolator(problem, penalty):
    zero = km.reference_path(problem, penalty, groups=sizes).parameter.max()
    return km.reference_path(problem, penalty, [1e-4 * zero], groups=sizes).weights[0]


found = nuclear(weights["descent on Monarch factors"])
print(f"sum of nuclear norms: descent {found:.4f}, least {nuclear(interpolator(problem, 'nuclear')):.4f},")
print(f"minimum ℓ2 {nuclear(dense):.4f}")

# %% mystnb={"image": {"alt": "Heat map of 16 slice norms along training: three rows light up one after another, the other thirteen stay almost white."}}
late = run.times > 1
training = km.regularization.Path(1 / run.times[late], run.recorded["B"][late])
fig, ax = plt.subplots(figsize=(5.2, 2.9), layout="constrained")
km.plotting.plot_slices(training, sizes, ax).set(xlabel="1/time, decreasing", title="slice norms along training")
plt.show()

# %% [markdown]
# ## Is a norm the reason?
#
# The numbers are *consistent with* descent choosing the solution of least norm. That it does so in general was a conjecture
# (Gunasekar et al. 2017). Razin and Cohen (2020) refuted it with four numbers. Of a matrix $B = PQ$ of 2 × 2 we observe
# $B_{12} = B_{21} = 1$ and $B_{22} = 0$. The unknown $B_{11} = 0$ has the least norm, whichever of the usual norms it is. Start from
# $P = Q = \alpha I$: then $\det B > 0$, and descent cannot cross $\det B = 0$. But $\det B = B_{11}B_{22} - B_{12}B_{21} \to -1$ if
# $B_{11}$ stays bounded. So it cannot.


# %%
def completed(sign):
    seen = np.zeros((3, 2, 2))
    seen[0, 0, 1] = seen[1, 1, 0] = seen[2, 1, 1] = 1
    start = km.Chain(km.Dense(0.01 * np.eye(2)), km.Dense(0.01 * np.diag([1.0, sign])))
    problem = km.Sensing(seen, np.array([1.0, 1.0, 0.0]))
    return km.gradient_descent(problem, start, step_size=0.1, steps=3000, record={"B": lambda op: op.to_dense()})


# %% mystnb={"image": {"alt": "Left: the unknown entry grows with time from the positive start, and stays 0 from the negative one. Right: both singular values of the positive run; the smaller one falls while the larger grows."}}
positive, negative = completed(1), completed(-1)
fig, (ax, spectrum) = plt.subplots(1, 2, figsize=(7, 2.7), layout="constrained")
for run_, words in ((positive, "det B > 0"), (negative, "det B < 0")):
    ax.plot(run_.times[1:], run_.recorded["B"][1:, 0, 0], label=f"start with {words}")
ax.set(xscale="log", xlabel="time", ylabel="$B_{11}$")
ax.legend(frameon=False)
σ = np.linalg.svd(positive.recorded["B"], compute_uv=False)
spectrum.loglog(positive.times[1:], σ[1:], label=["largest", "smallest"])
spectrum.set(xlabel="time", ylabel="singular values, det B > 0", ylim=(1e-12, 30))
spectrum.legend(frameon=False)
plt.show()

# %%
for words, run_ in (("positive", positive), ("negative", negative)):
    B = run_.recorded["B"][-1]
    misfit = np.abs([B[0, 1] - 1, B[1, 0] - 1, B[1, 1]]).max()
    print(
        f"{words} start: B₁₁ = {B[0, 0]:.2f}, data missed by {misfit:.3f}, nuclear norm {np.linalg.norm(B, 'nuc'):.2f}"
    )
print("least nuclear norm of all that fit: 2.00")

# %% [markdown]
# From the positive start every norm grows for ever while the loss falls to 0; what becomes small is the *second singular value
# relative to the first*, the effective rank. From the negative start descent ends at the solution of least nuclear norm. Another
# explanation fits both: from a small start descent learns one direction after another, a *greedy* search for low rank (Li, Luo
# and Lyu 2021); that is the incremental learning of notebook 7 (T20, T22). For Monarch factors it would say: one slice after
# another, as in the heat map above. Which explanation holds for them under sensing is open.

# %% [markdown] tags=["predict"]
# **Predict first.** How many measurements do $k$ active slices of 4 × 4 and rank one need at least?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# A slice of rank one is described by $4 + 4 - 1 = 7$ numbers, so about $7k$. The picture shows how many more descent needs.
#
# </details>

# %% [markdown]
# ## How many measurements for how many slices?
#
# Repeat this for more slices and fewer measurements. Each active slice is described by $4 + 4 - 1 = 7$ numbers.

# %% tags=["parameters"] fast="ACTIVE, MEASURED, SEEDS, STEPS = [1, 6], [40, 150], 1, 400"
ACTIVE, MEASURED = [1, 2, 4, 6], [40, 60, 80, 110]
SEEDS, STEPS = 2, 2000


# %%
def errors(active, measurements, seed):
    rng = np.random.default_rng(seed)
    problem, truth = sensing(active, measurements, rng)
    tolerance = 0.5e-12 * np.mean(problem.y**2)
    run = km.gradient_descent(problem, monarch(1e-4, rng), steps=STEPS, loss_tolerance=tolerance, records=2)
    found = run.operator.to_dense(), km.reference_path(problem, "ridge", [0.0]).weights[0]
    return [np.linalg.norm(B - truth) / np.linalg.norm(truth) for B in found]


grid = np.array([[[errors(a, m, seed) for seed in range(SEEDS)] for m in MEASURED] for a in ACTIVE]).mean(axis=2)

monarch_error, dense_error = np.moveaxis(grid, 2, 0)

# %% mystnb={"image": {"alt": "A table of errors by active slices and measurements: small, and darker, towards few slices and many measurements; large elsewhere."}}
fig, ax = plt.subplots(figsize=(5.2, 2.8), layout="constrained")
ax.imshow(-np.log10(monarch_error), cmap="Blues", vmin=0, vmax=7, aspect="auto", origin="lower")
for (i, j), value in np.ndenumerate(monarch_error):
    ax.text(j, i, f"{value:.0e}" if value < 0.01 else f"{value:.2f}", ha="center", va="center")
ax.set_xticks(range(len(MEASURED)), MEASURED)
ax.set_yticks(range(len(ACTIVE)), ACTIVE)
ax.set(xlabel="measurements of 256 unknowns", ylabel="active slices of 16", title="relative error, Monarch factors")
ax.grid(visible=False)
print(f"minimum ℓ2: between {dense_error.min():.2f} and {dense_error.max():.2f}")
plt.show()

# %% [markdown]
# There is a border. Below and to its right descent finds the weight (small errors would fall further with more steps); above
# and to its left it does not. For minimum $\ell_2$ there is no such border. The study `sensing_phase` draws the picture finer, with
# many seeds.

# %% [markdown]
# ## What is open
#
# - Proved (T17): weight decay on Monarch factors of block rank $r$ penalises $\sum\lVert\mathrm{slice}\rVert_*$, on slices of rank at
#   most $r$. Proved (T27): on a fully observed target, time averages tend to the convex path as $\alpha \to 0$.
# - Measured here: without any penalty descent ends near the interpolator of least $\sum\lVert\mathrm{slice}\rVert_*$, where there are
#   enough measurements.
# - Open: why, for sensing; for which measurements; and whether the *average* over time follows the convex path there. The study
#   `sensing_average` measures how nearly.

# %% [markdown]
# ## Quick checks
#
# 64 of 256 numbers are measured at random. Which relative error does the minimum-$\ell_2$ solution have?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# About $(1 - 64/256)^{1/2} \approx 0.87$, whatever the weight looks like.
#
# </details>

# %% [markdown]
# In the example of Razin and Cohen, what decides whether the norm stays bounded?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The sign of $\det B$ at the start. The scale does not matter.
#
# </details>

# %% [markdown]
# On which slices do the nuclear norm and the Frobenius norm agree?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# On slices of rank one; on all others the nuclear norm is larger.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **8.1** The errors of minimum $\ell_2$ hardly depend on the number of active slices. Predict them from the number of
# measurements alone.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
# Minimum ℓ2 is the projection of the truth on the span of the A_i, a random subspace of dimension m of 256. It keeps a share m/256
# of the squared norm, whatever the truth looks like: the error is (1 − m/256)^½.
for j, m in enumerate(MEASURED):
    print(f"{m} measurements: predicted {(1 - m / 256) ** 0.5:.2f}, mean over slices {dense_error[:, j].mean():.2f}")

# %% [markdown]
# **8.2** Two convex problems look alike: least $\sum\lVert\mathrm{slice}\rVert_*$ (`"nuclear"`) and least $\sum\lVert\mathrm{slice}\rVert_F$
# (`"group"`, the group lasso). Compare their interpolators for 2, 3, 4 and 6 active slices at 60, 110, 80 and 110 measurements.
# Which one recovers, and why are the two not the same although every true slice has rank 1?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
print("active, measured: error of least Σ‖slice‖_*, of least Σ‖slice‖_F")
for active, measured in ((2, 60), (3, 110), (4, 80), (6, 110)):
    cell, truth = sensing(active, measured, np.random.default_rng(active))
    both = [np.linalg.norm(interpolator(cell, p) - truth) / np.linalg.norm(truth) for p in ("nuclear", "group")]
    print(f"{active}, {measured}: {both[0]:.0e}, {both[1]:.2f}")
# On a slice of rank 1 both norms are equal; on any other the nuclear norm is the larger one. So the nuclear one also asks for low
# rank inside a slice, 7 numbers instead of 16, and needs fewer measurements.

# %% [markdown]
# **8.3** In the example of Razin and Cohen, what does $\det B$ do along the positive run? Why can descent with small steps not cross
# 0, and what does that say of the initial *sign* as opposed to the initial *scale*?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
determinants = np.linalg.det(positive.recorded["B"])
print(
    f"det B starts at {determinants[0]:.0e}; it is largest at {determinants.max():.0e} and never below {determinants.min():.0e}"
)
# PᵀP − QQᵀ = 0 at the start and is conserved (T19), so P and Q are both singular where B is. In the flow d det P / dt is a multiple of
# det P, so its sign never changes. A smaller scale does not help: the sign decides, at every scale.

# %% [markdown]
# ## Where to read more
#
# - S. Gunasekar et al., *Implicit regularization in matrix factorization*, NeurIPS 2017, arXiv:1705.09280.
# - N. Razin and N. Cohen, *Implicit regularization in deep learning may not be explainable by norms*, NeurIPS 2020,
#   arXiv:2005.06398.
# - Z. Li, Y. Luo and K. Lyu, *Towards resolving the implicit bias of gradient descent for matrix factorization: greedy low-rank
#   learning*, ICLR 2021, arXiv:2012.09839.
#
# Next: [width and sparsity](09_width_and_sparsity.ipynb).

# %% [markdown]
# # 12 Estimators for samples that are matrices
#
# **You will learn**
#
# - how to fit a weight that is a Kronecker product with scikit-learn's words, and what the bound beside a fit proves;
# - how to choose α, and to compare models so that a table can say which is better, and when it cannot;
# - when a covariance $R \otimes C$ is worth its few numbers, and from how many samples on it is not.
#
# You need the Kronecker product (notebook 1) and what weight decay on factors penalizes (notebook 6).

# %%
import numpy as np
from matplotlib import pyplot as plt
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kronmix as km
from kronmix.estimators import KroneckerRegression, KroneckerRegressionCV, LowRankRegression, SeparableCovariance
from kronmix.intervals import t_interval

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown]
# ## A fit with a bound beside it
#
# Samples are matrices $X$, and so are the outputs: $Y = V X W^\top$ plus noise. Read row by row, the weight is $V \otimes W$, 12 × 24,
# and has 36 numbers, not 288. `KroneckerRegression` minimizes loss $+\,\frac\alpha2(\|V\|^2 + \|W\|^2)$, which is loss
# $+\,\alpha\|V\|\|W\|$ (T17). The problem over the factors is not convex. The one over all weights, with the convex norm that this
# penalty induces, is; its dual gives a number that no $V \otimes W$ gets below.

# %%
shapes = ((3, 4), (4, 6))
V, W = rng.normal(size=(3, 4)), rng.normal(size=(4, 6))
X = rng.normal(size=(60, 4, 6))
signal = V @ X @ W.T
Y = signal + signal.std() * rng.normal(size=signal.shape)
for α in (0.3, 3.0, 30.0):
    model = KroneckerRegression(shapes=shapes, alpha=α, restarts=2).fit(X, Y)
    off = np.linalg.norm(model.coef_ - np.kron(V, W)) / np.linalg.norm(np.kron(V, W))
    print(
        f"α = {α:4}: objective {model.objective_:.4g}, proved: at least {model.lower_bound_:.4g}; "
        f"error of the weight {off:.3f}"
    )

# %% [markdown]
# Where the two numbers meet, the fit is proved to be the best of all $V \otimes W$. Where they do not, either is possible: a better
# one may exist, or the convex problem may fit with a weight that is no Kronecker product. More `restarts` tell the first apart only by
# finding it.

# %% [markdown]
# ## Choosing α
#
# `KroneckerRegressionCV` fits along α in every fold, each from the one before, and takes the α of least validation loss. The rule
# `"1se"` takes the largest α whose loss is within one standard error of that: a smaller weight, which the data cannot tell from the
# best.

# %% fast="ALPHAS = ALPHAS[::4]"
ALPHAS = signal.std() * np.geomspace(1, 0.01, 9)
# %% mystnb={"image": {"alt": "Validation loss against alpha with error bars: flat below the chosen alpha, rising above; the one-standard-error rule takes a larger alpha."}}
model = KroneckerRegressionCV(shapes=shapes, alphas=ALPHAS, cv=5, restarts=0, tol=1e-5).fit(X, Y)
losses = model.validation_loss_
means, errors = losses.mean(axis=1), losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
largest = ALPHAS[means <= means.min() + errors[means.argmin()]].max()
fig, ax = plt.subplots(figsize=(4.4, 2.6), layout="constrained")
ax.errorbar(ALPHAS, means, errors, fmt="o-")
ax.axvline(model.alpha_, color="C1", linestyle="--", label=f"min: α = {model.alpha_:.3g}")
ax.axvline(largest, color="C2", linestyle="--", label=f"1se: α = {largest:.3g}")
ax.set(xscale="log", xlabel="α", ylabel="validation loss, ± one s.e.")
ax.legend(frameon=False)
plt.show()

# %% [markdown] tags=["predict"]
# **Predict first.** The true weight is a Kronecker product, 36 numbers in 288. By what factor is ridge's error larger? And if the
# weight has no structure at all, who is ahead with few samples, and who with many?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Several times larger, at every number of samples below. Without structure, ridge is ahead at every number of samples, and only its
# error falls: a Kronecker product cannot come near.
#
# </details>

# %% fast="COUNTS = [40]"
COUNTS = [40, 80, 160, 320]


# %%
def weight(kind, rng):
    B = np.kron(rng.normal(size=(3, 4)), rng.normal(size=(4, 6))) if kind == "V ⊗ W" else rng.normal(size=(12, 24))
    return np.sqrt(12) * B / np.linalg.norm(B)


def draw(kind, count, seed):
    rng = np.random.default_rng([seed, count])
    B, inputs = weight(kind, rng), rng.normal(size=(count, 24))
    return B, inputs, inputs @ B.T + rng.normal(size=(count, 12))


# %%
options = {"shapes": shapes, "alphas": [0.5, 0.15, 0.05], "cv": 3, "restarts": 0, "tol": 1e-4}
models = {"ridge": RidgeCV(np.geomspace(1e-1, 1e4, 13)), "V ⊗ W": KroneckerRegressionCV(**options)}


def mean_errors(kind, count, seeds=2):
    found = np.zeros((len(models), seeds))
    for seed in range(seeds):
        B, inputs, outputs = draw(kind, count, seed)
        found[:, seed] = [np.sum((m.fit(inputs, outputs).coef_ - B) ** 2) / 12 for m in models.values()]
    return found.mean(axis=1)


# %% mystnb={"image": {"alt": "Left: errors of ridge and of a Kronecker product against samples where the truth is a Kronecker product; the second is several times smaller. Right: where the truth has no structure, the Kronecker product stays near one and ridge falls."}}
fig, axes = plt.subplots(1, 2, figsize=(6.6, 2.6), layout="constrained", sharey=True)
for ax, kind in zip(axes, ("V ⊗ W", "without structure"), strict=True):
    found = np.stack([mean_errors(kind, count) for count in COUNTS], axis=1)
    for name, values in zip(models, found, strict=True):
        ax.loglog(COUNTS, values, "o-", label=name)
    ratios = ", ".join(f"{r:.2g}" for r in found[0] / found[1])
    print(f"truth {kind}: error of ridge over that of V ⊗ W: {ratios}, for {COUNTS} samples")
    ax.set(title=f"truth: {kind}", xlabel="samples")
    ax.set_xticks(COUNTS, COUNTS)
    ax.minorticks_off()
axes[0].set_ylabel("‖B̂ − B‖²/‖B‖²")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# ## Real data: who is better?
#
# No weight of real data is a Kronecker product to the last digit. Here handwritten digits, 8 × 8 pixels, are to be restored from noise of
# half the largest pixel. Every model gets the same 200 images at a time. Its α is chosen once, on a draw that is left out
# afterwards. Models are compared pair by pair on the same draws; an interval of the difference that holds zero decides nothing.

# %% fast="DRAWS = 2"
DRAWS = 5

# %%
clean = load_digits().data
noisy = clean + 8 * rng.normal(size=clean.shape)
order = rng.permutation(len(clean))
held, draws = order[-597:], order[: 200 * (DRAWS + 1)].reshape(DRAWS + 1, 200)
square, ridge = ((8, 8), (8, 8)), np.geomspace(1e3, 1e6, 13)
makers = {
    "ridge": lambda α: RidgeCV(ridge),  # which chooses by itself
    "low rank": lambda α: LowRankRegression(alpha=α, tol=1e-5),
    "V ⊗ W": lambda α: KroneckerRegression(shapes=square, alpha=α, restarts=0),
    "three of them": lambda α: KroneckerRegression(shapes=square, rank=3, alpha=α, restarts=0),
}


# %%
def error(model, part):
    return np.mean((model.predict(noisy[part]) - clean[part]) ** 2)


def best_penalty(make, fit, check):
    return min(np.geomspace(1, 64, 4), key=lambda α: error(make(α).fit(noisy[fit], clean[fit]), check))


restorers = {name: make(best_penalty(make, draws[0][:130], draws[0][130:])) for name, make in makers.items()}
found = {name: [error(m.fit(noisy[d], clean[d]), held) for d in draws[1:]] for name, m in restorers.items()}
numbers = {n: m.operator_.n_parameters if hasattr(m, "operator_") else m.coef_.size for n, m in restorers.items()}

# %% mystnb={"image": {"alt": "Mean squared error against numbers stored: a Kronecker product with 128 numbers, three with 384, ridge and low rank with thousands."}}
best = min(found, key=lambda name: np.mean(found[name]))
fig, ax = plt.subplots(figsize=(4.4, 2.6), layout="constrained")
for name, each in found.items():
    interval, paired = t_interval(each), t_interval(np.subtract(each, found[best]))
    ax.errorbar(numbers[name], interval.mean, interval.half_width, fmt="o", capsize=3, label=name)
    words = "" if name == best else f"; above {best}: {paired.mean:+.2f} ± {paired.half_width:.2f}"
    print(f"{name:14} {interval.mean:.2f} ± {interval.half_width:.2f}, {numbers[name]:4} numbers{words}")
ax.set(xscale="log", xlabel="numbers stored", ylabel="mean squared error")
ax.set_xticks([100, 300, 1000, 3000], [100, 300, 1000, 3000])
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# Four intervals stand in this table, and nobody corrected them for that; with four models it is little, with forty it is not. The how-to
# page on structured weights has more data, other libraries, and Holm's correction.

# %% [markdown] tags=["predict"]
# **Predict first.** The covariance of 8 × 8 patches of photographs: $R \otimes C$ has 72 numbers, a full one 2 080, and Ledoit and Wolf
# shrink it well. Which has the higher likelihood on other patches, from 100 patches, and from 2 000?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# From 100, $R \otimes C$. From 2 000, the full one: what pixels do together is not quite rows times columns, and that many samples
# show it.
#
# </details>

# %% [markdown]
# ## Covariances that separate
#
# `SeparableCovariance` fits $R \otimes C$ by maximum likelihood, one factor and the other by turns. Its shrinkage is chosen like any
# other option of scikit-learn's.

# %% fast="COUNTS = [30, 2000]"
COUNTS = [10, 30, 100, 300, 1000, 2000]
# %%
cut = [p[: 8 * (len(p) // 8)].reshape(-1, 8, p.shape[1] // 8, 8).swapaxes(1, 2) for p in km.datasets.photographs()]
patches = rng.permutation(np.concatenate([p.reshape(-1, 8, 8) for p in cut]))
others, rest = patches[:2000], patches[2000:]
densities = {"R ⊗ C": [], "Ledoit-Wolf": []}
for n in COUNTS:
    search = GridSearchCV(SeparableCovariance(), {"shrinkage": [0.003, 0.01, 0.03, 0.1, 0.3]}, cv=3).fit(rest[:n])
    densities["R ⊗ C"].append(search.score(others))
    densities["Ledoit-Wolf"].append(LedoitWolf().fit(rest[:n].reshape(n, 64)).score(others.reshape(-1, 64)))

# %% mystnb={"image": {"alt": "Mean log density of held-out patches against samples: the separable covariance is above Ledoit-Wolf between 100 and 300 samples, below it from 1000."}}
fig, ax = plt.subplots(figsize=(4.4, 2.6), layout="constrained")
for name, values in densities.items():
    ax.semilogx(COUNTS, values, "o-", label=name)
ahead = [max(densities, key=lambda name: densities[name][i]) for i in range(len(COUNTS))]
print("higher on other patches:", "; ".join(f"{n}: {name}" for n, name in zip(COUNTS, ahead, strict=True)))
ax.set(xlabel="samples", ylabel="mean log density")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# With very few samples there is no estimate to compute. For $p \times q$ matrices the likelihood is unbounded below a number of samples,
# and has one maximum above another (Drton, Kuriki & Hoff 2021); shrinkage gives an estimate for any number.

# %%
for shape, n in (((8, 2), 3), ((8, 2), 5), ((8, 2), 6), ((8, 8), 3), ((8, 8), 4)):
    try:
        said = SeparableCovariance().fit(rng.normal(size=(n, *shape))).existence_
    except ValueError as refused:
        said = f"refused: {str(refused).split(':')[0]}"
    print(f"{shape[0]}×{shape[1]} from {n} samples: {said}")

# %% [markdown]
# ## In a pipeline
#
# The estimators are scikit-learn's in every other way: pipelines, grids, sample weights, names of a data frame's columns.

# %%
steps = make_pipeline(StandardScaler(), KroneckerRegression(shapes=shapes, restarts=0, tol=1e-5))
grid = GridSearchCV(steps, {"kroneckerregression__alpha": [0.1, 1.0], "kroneckerregression__rank": [1, 2]}, cv=3)
grid.fit(X.reshape(60, 24), Y.reshape(60, 12))
print(grid.best_params_, grid.best_estimator_[-1].operator_)

# %% [markdown]
# ## Quick checks
#
# How many numbers has $V \otimes W$ for images of $p \times q$ pixels to images of the same size, and how many a dense weight?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $p^2 + q^2$ against $p^2 q^2$; one less counts, since $V$ can take a factor from $W$.
#
# </details>

# %% [markdown]
# The objective is 2 % above `lower_bound_`. Is the fit the best of its structure?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Nobody knows: no other is more than 2 % of the objective better, and that is all that is proved.
#
# </details>

# %% [markdown]
# Two models differ by $0.3 \pm 0.4$ over five paired draws. Which is better?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The draws do not say. More of them may; that the models are equally good is not shown either.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **12.1** Shuffle the 64 pixels of all digits in one fixed order, and restore them again with ridge and with $V \otimes W$. Whose error
# changes, and why?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
shuffle = rng.permutation(64)
for name in ("ridge", "V ⊗ W"):
    before = error(restorers[name].fit(noisy[draws[1]], clean[draws[1]]), held)
    mixed = restorers[name].fit(noisy[draws[1]][:, shuffle], clean[draws[1]][:, shuffle])
    after = np.mean((mixed.predict(noisy[held][:, shuffle]) - clean[held][:, shuffle]) ** 2)
    print(f"{name}: {before:.2f}, shuffled {after:.2f}")
# Ridge does not know where a pixel is. V ⊗ W mixes rows and columns, and after the shuffle there are none.

# %% [markdown]
# **12.2** Give every sample of the first section a weight of 1 or 2, and compare with a table in which those of weight 2 stand twice.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
twice = rng.integers(1, 3, size=60)
weighted = KroneckerRegression(shapes=shapes, alpha=1.0, restarts=0).fit(X, Y, sample_weight=twice)
repeated = KroneckerRegression(shapes=shapes, alpha=1.0, restarts=0).fit(np.repeat(X, twice, 0), np.repeat(Y, twice, 0))
print(f"largest difference of the weights {np.abs(weighted.coef_ - repeated.coef_).max():.1e}")
# The loss is a mean over the sum of the weights, so that α counts the same in both.

# %% [markdown]
# ## Where to read more
#
# - P. Dutilleul, *The MLE algorithm for the matrix normal distribution*, Journal of Statistical Computation and Simulation 1999.
# - M. Drton, S. Kuriki and P. Hoff, *Existence and uniqueness of the Kronecker covariance MLE*, Annals of Statistics 2021.
# - C. Nadeau and Y. Bengio, *Inference for the generalization error*, Machine Learning 2003: intervals where training sets overlap.
# - B. Haeffele and R. Vidal, *Global optimality in tensor factorization, deep learning, and beyond*, arXiv:1506.07540, 2015.
#
# Next: the how-to pages of the documentation, or [mixing is multiplying by a Kronecker product](01_mixing_is_kronecker.ipynb) again.

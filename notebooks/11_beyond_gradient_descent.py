# %% [markdown]
# # 11 Beyond gradient descent
#
# **You will learn**
#
# - which weights AdamW's weight decay prefers, and why they are not those of ℓ2 decay;
# - what momentum, decay that is switched off, minibatches and noisy labels do to conservation laws, scales and flatness;
# - where training ends that never ends: the largest margin, with a certificate, and the edge of stability, with a flow of its own.
#
# You need induced penalties and conservation laws (notebook 6) and regularisation paths (notebook 7).

# %%
import numpy as np
from matplotlib import pyplot as plt

import kronmix as km
from kronmix.optimizers import AdamW, cosine
from kronmix.regularization import Sampling, adamw_point, central_flow, hessian_trace, minimum_hypentropy

km.plotting.use_house_style()
rng = np.random.default_rng(0)


# %% [markdown] tags=["predict"]
# **Predict first.** Decay through the gradient makes every weight of $u \circ v$ smaller by $\lambda$. AdamW takes its decay
# past the gradient's scaling. Does it make every weight smaller too?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# No. Each $|w_i|$ is kept at or below $\lambda^{-2}$; weights that are smaller anyway are left alone.
#
# </details>

# %% [markdown]
# ## AdamW: a box, not a ball
#
# Weight decay through the gradient adds $(\lambda/2)\|\theta\|^2$ to the loss, which on $u \circ v$ is $\lambda\|w\|_1$ (T17): every
# weight shrinks by $\lambda$. AdamW takes its decay past the gradient's scaling, and where it converges, it ends at a stationary
# point of the loss in the box $\|\theta\|_\infty \le 1/\lambda$ (T35; Xie & Li 2024). On $u \circ v$ that is $|w_i| \le
# \lambda^{-2}$: a weight is cut off where it is too large, and left alone where it is not.

# %% fast="STEPS = 300"
STEPS = 1200
# %%
target = km.Observed([[4.0, 2.0, 0.5]])
start = km.Hadamard(np.ones((1, 3)), 0.9 * np.ones((1, 3)))
decays = np.array([0.4, 0.6, 0.8, 1.0, 1.3, 1.6])
ends, gaps = [], []
for λ in decays:
    adam = AdamW(beta2=0.99, weight_decay=λ)
    run = km.gradient_descent(target, start, cosine(0.03, STEPS), STEPS, optimizer=adam, records=2)
    ends.append(run.operator.to_dense()[0])
    gaps.append(adamw_point(target, run.operator, λ).gap)
ridge = km.regularization_path(target, start, "decay", decays, restarts=0)
print(f"AdamW: measured, the gap to a stationary point is at most {max(gaps):.1e}; decay: {ridge.remark}")

# %% mystnb={"image": {"alt": "Left: under l2 decay all three weights fall linearly with lambda. Right: under AdamW each weight stays until the curve one over lambda squared reaches it."}}
fig, axes = plt.subplots(1, 2, figsize=(6.6, 2.5), layout="constrained", sharey=True)
fine = np.linspace(0.35, 1.7, 200)
for ax, found, law in (
    (axes[0], ridge.weights[:, 0], lambda t: np.maximum(t - fine, 0)),
    (axes[1], np.array(ends), lambda t: np.minimum(t, fine**-2)),
):
    ax.plot(decays, found, "o")
    ax.plot(fine, np.stack([law(t) for t in target.T[0]], axis=1), "k--", linewidth=0.9)
    ax.set_xlabel("weight decay λ")
axes[0].set(title="(λ/2)‖θ‖² in the loss", ylabel="weights (theory dashed)")
axes[1].set_title("AdamW")
plt.show()

# %% [markdown]
# ## Momentum breaks laws, decay shrinks them
#
# Gradient flow on $PQ$ keeps $P^\top P - QQ^\top$ (T19). With friction $\tau$, $\theta'' + \tau\theta' + \nabla L = 0$ keeps only the
# antisymmetric $e^{\tau t}(P^\top P' - P'^\top P - Q'Q^\top + QQ'^\top)$, what rotations between the factors give by Noether's
# theorem (T36). `conserved_quantities` says what each flow keeps, for every structure.

# %%
shapes = {
    "V ⊗ W": km.Kronecker(np.ones((2, 2)), np.ones((2, 2))),
    "P Q": km.LowRank(rng.normal(size=(3, 2)), rng.normal(size=(2, 3))),
    "Mixer of two layers": km.LinearMixer(list(rng.normal(size=(2, 2, 2))), list(rng.normal(size=(2, 2, 2)))),
}
for name, op in shapes.items():
    velocity = op.with_factors(*(rng.normal(size=f.shape) for f in op.factors))
    kept = km.conserved_quantities(op, "momentum", velocity=velocity, friction=0.5)
    print(f"{name:20} gradient: {', '.join(km.conserved_quantities(op))};  momentum: {', '.join(kept) or 'nothing'}")

# %% [markdown]
# Decay inside the flow makes every law fade, $u^2 - v^2 \propto e^{-2\lambda t}$ (T37). The scale of T21 shrinks with it, and this
# outlives the decay: switched off at time $t$, training ends where it would have from the scale $\alpha e^{-\lambda t}$.

# %%
A, truth = rng.normal(size=(8, 16)), np.zeros(16)
truth[:2] = 1.0, -0.7
problem, α = km.Regression(A.T, A @ truth), 0.5
begin = km.Hadamard(np.full((1, 16), np.sqrt(2) * α), np.zeros((1, 16)))
for λ in (0.0, 0.5, 1.0):
    decayed = km.gradient_flow(problem, begin, 2.0, weight_decay=λ).operator
    end = km.gradient_flow(problem, decayed, 1000.0, rtol=1e-7).operator.to_dense()[0]
    off = np.linalg.norm(end - minimum_hypentropy(A, A @ truth, α * np.exp(-2 * λ)))
    error = np.linalg.norm(end - truth) / np.linalg.norm(truth)
    print(
        f"decay {λ} until t = 2: error {error:.3f}; {off:.0e} from the interpolator of scale {α * np.exp(-2 * λ):.3f}"
    )

# %% [markdown]
# ## Noise: scales of their own, and flatness
#
# Descent with finite steps does not keep $u_i^2 - v_i^2$ either: each step multiplies it by $1 - \eta^2 g_i^2$. So each weight gets a
# scale $\alpha_i$ of its own, the smaller the more its gradient shook, and descent ends near the interpolator of these scales (T39;
# Even et al. 2023). Minibatches shake more than the whole gradient.

# %% fast="STEPS = 400"
STEPS = 2500
# %%
for name, sampling in (("all samples", None), ("one sample a step", Sampling(batch=1))):
    run = km.gradient_descent(problem, begin, 0.04, STEPS, sampling=sampling, records=2)
    w, law = run.operator.to_dense()[0], km.conserved_quantities(run.operator)["u0² − u1²"][0]
    scales = np.sqrt(np.abs(law) / 2)
    own, initial = (np.linalg.norm(w - minimum_hypentropy(A, A @ truth, a)) for a in (scales, α))
    print(f"{name:18} scales {scales.min():.3f} to {scales.max():.3f}; measured: {own:.1e} from the interpolator")
    print(f"{'':18} of these scales, {initial:.1e} from that of α = {α}")

# %% [markdown]
# Noise in the labels never dies out. It pushes along the weights that fit, towards small $\operatorname{tr}\nabla^2 L =
# \frac1N\sum_i\|\nabla_\theta f_i\|^2$ (T38), which on $u \circ v$ with one measurement is $u^2 + v^2$: to balanced factors.

# %% fast="STEPS = 400" mystnb={"image": {"alt": "The trace of the Hessian falls under label noise from 4.25 to about its least value 2, and stays at 4.25 without noise."}}
single, lopsided = km.Sensing(np.ones((4, 1, 1)), np.ones(4)), km.Hadamard([[2.0]], [[0.5]])
fig, ax = plt.subplots(figsize=(4.4, 2.4), layout="constrained")
record = {"trace": lambda op: hessian_trace(single, op)}
for noise in (0.0, 1.0):
    run = km.gradient_descent(single, lopsided, 0.1, STEPS, record, sampling=Sampling(label_noise=noise), records=60)
    ax.semilogx(run.times[1:], run.recorded["trace"][1:], label=f"label noise {noise:g}")
ax.axhline(2, color="k", linestyle="--", linewidth=0.9, label="least on uv = 1")
ax.set(xlabel="time", ylabel="tr ∇²L")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# At larger depth flatness and decay part. Over $L$ dense $n \times n$ factors of an observed $B$, the least trace is
# $L\,n^{2/L}\|B\|_*^{2(L-1)/L}$, the nuclear norm at any depth (Gatmiry et al. 2023), while the least $\frac12\|\theta\|^2$ is
# $\frac L2\|B\|_{S_{2/L}}^{2/L}$, which asks for low rank more strongly. So two weights can be equally flat and differ in decay:

# %% fast="STEPS = 100"
STEPS = 2000
# %%
for name, B in (("rank 1", np.diag([2.0, 0.0])), ("rank 2", np.eye(2))):
    deep = km.Chain(*(km.Dense(1.3**k * np.eye(2)) for k in (-1, 0, 1)))
    seen = km.Regression(np.eye(2), B)
    fitted = km.gradient_descent(seen, deep, 0.05, STEPS, records=2).operator
    noisy = km.gradient_descent(seen, fitted, 0.02, STEPS, sampling=Sampling(label_noise=0.7), records=2).operator
    rested = km.gradient_descent(seen, noisy, 0.02, 500, records=2).operator
    least = 0.5 * 3 * 2 ** (2 / 3) * np.linalg.norm(B, "nuc") ** (4 / 3)
    before, after = (hessian_trace(seen, op) / least for op in (fitted, rested))
    print(f"{name}: least trace {least:.3f}; measured: {before:.2f} times that, with label noise {after:.2f} times")
    print(f"{'':6}  least decay {km.induced_penalty(rested, B).value:.3f}")

# %% [markdown]
# ## Training that never ends: the largest margin
#
# On separable data the logistic loss has no minimum; factors grow for ever, and their direction goes to a stationary point of the
# margin in the factors (T34; Lyu & Li 2020), where $R$ takes the norm's place. `max_margin` encloses the largest margin from both
# sides; `margin_path` follows the flow of $\log L$, whose orbits are the same, down to losses of $e^{-50}$.

# %% fast="LEVELS = [2, 5]"
LEVELS = [2, 5, 10, 20, 50]
# %% mystnb={"image": {"alt": "Margins of a diagonal network and of a dense weight, over their largest, rise towards one as the loss falls to e to the minus 50."}}
X = rng.normal(size=(8, 14))
labels = km.Regression(X, np.sign(rng.normal(size=8) @ X), "logistic")
fig, ax = plt.subplots(figsize=(4.4, 2.4), layout="constrained")
starts = {"u∘v": km.Hadamard(*0.2 * rng.normal(size=(2, 1, 8))), "dense": km.Dense(np.zeros((1, 8)))}
for name, op in starts.items():
    path = km.margin_path(labels, op, LEVELS, rtol=1e-5)
    ax.plot(path.levels, path.margins / path.best.upper, "o-", label=f"{name}: {path.best.norm.name} norm")
    print(f"{name}: {path.remark}")
ax.axhline(1, color="k", linestyle="--", linewidth=0.9)
ax.set(xscale="log", xlabel="log(1/loss)", ylabel="margin / largest margin")
ax.set_xticks(LEVELS, [f"{level}" for level in LEVELS])
ax.minorticks_off()
ax.legend(frameon=False)
plt.show()

# %% [markdown] tags=["predict"]
# **Predict first.** The step $\eta$ is too long for the sharpness at which the flow would end. Does descent diverge?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# It need not. The sharpness rises to $2/\eta$ and stays there, while the iterates swing around a flow of their own.
#
# </details>

# %% [markdown]
# ## The edge of stability
#
# With a step $\eta$ that is too long for where the flow leads, descent need not diverge. Here the sharpness, the largest eigenvalue of
# $\nabla^2 L$, rises to $2/\eta$ and stays there, while iterates swing to and fro. Their average follows the *central flow* (Cohen et
# al. 2025): the gradient flow kept where the sharpness is at most $2/\eta$.

# %% fast="STEPS = 10"
STEPS = 60
# %% mystnb={"image": {"alt": "Left: sharpness times step size of the central flow rises to two and stays; that of descent jumps around two. Right: a weight of descent swings around the central flow, away from the gradient flow."}}
wide = km.Hadamard([[1.2, 0.9, 0.3]], [[0.1, -0.2, 0.1]])
inputs = np.random.default_rng(0).normal(size=(3, 3))
task, η = km.Regression(inputs, np.array([1.5, -0.5, 0.3]) @ inputs), 2.641
kept = {
    "sharpness": lambda op: km.regularization.largest_hessian_eigenvalue(task, op),
    "u": lambda op: op.factors[0][0, 0],
}
descent = km.gradient_descent(task, wide, lambda step: η, STEPS, kept, records=1000)
central = central_flow(task, wide, η, STEPS, substeps=1)
flow = km.gradient_flow(task, wide, η * STEPS, {"u": kept["u"]}, times=central.times)
end = central.operator.factors[0][0, 0]
mean, smooth = descent.recorded["u"][-2:].mean(), flow.recorded["u"][-1]
print(f"measured: u₁ on average {mean:.3f}, central flow {end:.3f}, gradient flow {smooth:.3f}")

# %% mystnb={"image": {"alt": "Left: sharpness times step size of the central flow rises to two and stays; that of descent jumps around two. Right: a weight of descent swings around the central flow, away from the gradient flow."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.5), layout="constrained")
steps = np.arange(STEPS + 1)
left.plot(descent.times / η, η * descent.recorded["sharpness"], ".", markersize=3, label="descent")
left.plot(steps, η * central.sharpness, label="central flow")
left.axhline(2, color="k", linestyle="--", linewidth=0.9)
left.set(xlabel="step", ylabel="η · sharpness")
left.legend(frameon=False)
right.plot(descent.times / η, descent.recorded["u"], ".", markersize=3, label="descent")
right.axhline(end, color="C1", label="central flow, end")
right.plot(flow.times / η, flow.recorded["u"], "C2--", label="gradient flow")
right.set(xlabel="step", ylabel="$u_1$")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Quick checks
#
# Which $|w_i|$ can $u \circ v$ reach under AdamW with $\lambda = \frac12$?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# At most $\lambda^{-2} = 4$.
#
# </details>

# %% [markdown]
# Decay $\lambda$ is switched off at time $t$. From which scale would training without decay have ended at the same place?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# From $\alpha e^{-\lambda t}$ (T37).
#
# </details>

# %% [markdown]
# Which directions do noisy labels push to, among the weights that fit?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# To those of small $\operatorname{tr}\nabla^2 L$: on $u \circ v$ with one measurement, to balanced factors (T38).
#
# </details>

# %% [markdown]
# ## Exercises
#
# **11.1** What is the largest entry that a linear Mixer of one layer, and of two, can have under AdamW with $\lambda = 0.5$, for
# $S = 4$, $C = 3$? Compare `adamw_bound` with your formula.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
for layers in (1, 2):
    mixer = km.LinearMixer([np.ones((4, 4))] * layers, [np.ones((3, 3))] * layers)
    bound = km.regularization.adamw_bound(mixer, 0.5).max()
    print(
        f"{layers} layers: {bound:g} = (S C)^{layers - 1} λ^-{2 * layers} = {(4 * 3) ** (layers - 1) * 0.5 ** (-2 * layers):g}"
    )
# One layer: B = V ⊗ W, every entry one product. Two: each entry of V₁V₂ is a sum of C products, of W₂W₁ a sum of S.

# %% [markdown]
# **11.2** Give `max_margin` labels that no weight can separate. What does the error prove, and how would you check it by hand?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
try:
    km.max_margin(km.Regression([[1.0, 1.0, 2.0]], [1, -1, 1], "logistic"))
except km.regularization.NotSeparableError as error:
    print(error.combination)
# These α ≥ 0 give Σ α_i y_i x_i = 0: for every weight a mean of the margins is zero, so that one of them is not positive (Farkas).

# %% [markdown]
# ## Where to read more
#
# - K. Lyu and J. Li, *Gradient descent maximizes the margin of homogeneous neural networks*, ICLR 2020, arXiv:1906.05890.
# - S. Xie and Z. Li, *Implicit bias of AdamW: ℓ∞-norm constrained optimization*, ICML 2024, arXiv:2404.04454.
# - M. Even, S. Pesme, S. Gunasekar and N. Flammarion, *(S)GD over diagonal linear networks*, NeurIPS 2023, arXiv:2302.08982.
# - K. Gatmiry, Z. Li, C.-Y. Chuang, S. Reddi, T. Ma and S. Jegelka, *What is the inductive bias of flatness regularization? A study of
#   deep matrix factorization models*, NeurIPS 2023, arXiv:2306.13239.
# - S. Marcotte, R. Gribonval and G. Peyré, *Keep the momentum: conservation laws beyond Euclidean gradient flows*, ICML 2024.
# - J. Cohen, A. Damian, A. Talwalkar, J. Z. Kolter and J. D. Lee, *Understanding optimization in deep learning with central flows*,
#   ICLR 2025, arXiv:2410.24206.
#
# Next: [estimators for samples that are matrices](12_estimators.ipynb).

# %% [markdown]
# # 10 Your own Mixer
#
# **You will learn**
#
# - how to bring a trained Mixer into this picture, a run of your own or a published file, and what to look at in its layers;
# - how to replace its layers by low rank, Kronecker sums or Monarch matrices, with regard to what the layers see, and fine-tune;
# - how to name the structure that costs least accuracy for the numbers it stores, and which traps lie in file layouts.
#
# You need notebooks 2 and 4 (effective layers, the search). Nothing is downloaded: we train a small Mixer here.

# %%
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import kronmix as km
from kronmix import networks as nn

km.plotting.use_house_style()
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)

# %% [markdown]
# ## A trained network
#
# Random weights show no structure; training puts it there. So we train an MLP-Mixer on handwritten digits: patches of 2 × 2 pixels
# make $S = 16$ tokens, with $C = 16$ channels, two blocks, and a strong weight decay. A quarter of the images is kept for tests.

# %% tags=["parameters"] fast="EPOCHS = 3"
EPOCHS = 40

# %% mystnb={"image": {"alt": "Training loss against epochs, falling from above 2 to near 0."}}
pixels, labels = km.datasets.load("digits")
order = np.random.default_rng(0).permutation(len(labels))
train, test = order[:1350], order[1350:]
design = nn.Classifier("mlp_mixer", patch=2, channels=16, depth=2)
options = {"epochs": EPOCHS, "rate": 1e-2, "weight_decay": 1.0, "threads": 1, "progress": lambda *_: None}
run = nn.classify(pixels[train], labels[train], design, **options)
fig, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
km.plotting.plot_curves([e.epoch for e in run.history], {"training loss": [e.loss for e in run.history]}, ax)
ax.set(xlabel="epoch", ylabel="cross entropy")
plt.show()

# %% [markdown]
# A run is one file: how the network was built, its weights, its history. `km.load_mixer` opens it again. Images must be
# normalised as in training; the run remembers how.

# %%
nn.save_run(folder / "run.npz", run)
net = km.load_mixer(folder / "run.npz")
images = (pixels[test] - run.about["mean"]) / run.about["deviation"]


def accuracy(network):
    return float(np.mean(network(images).argmax(axis=1) == labels[test]))


print(net)
print(f"accuracy on {len(test)} test images: {accuracy(net):.3f}")

# %% [markdown]
# ## Its effective layers
#
# Here is the second block (block 1; they count from 0) as the wide MLP sees it: two token layers $I_C \otimes W$, then two
# channel layers $V^\top \otimes I_S$.

# %% mystnb={"image": {"alt": "The four effective layers of one block. Token layers: sixteen equal blocks on the diagonal. Channel layers: diagonal stripes in every block."}}
block = net.blocks[1]
names = ("token 1", "token 2", "channel 1", "channel 2")
fig, axes = plt.subplots(1, 4, figsize=(9, 2.9), layout="constrained")
for ax, name, layer in zip(axes, names, block, strict=True):
    rows, columns = layer.shape
    km.plotting.plot_matrix(layer.to_dense(), ax, key=False, title=f"{name}: {columns} → {rows}")
plt.show()

# %% [markdown]
# $$X \mapsto X + W_2\,\varphi(W_1 X), \qquad X \mapsto X + \varphi(X V_1)\,V_2 \tag{T5}$$
#
# (with a layer norm before each). The network and its wide MLP, whose weights are explicit sparse matrices, give the same answers.

# %%
wide = net.as_wide_mlp()
same = np.allclose(net(images[:20]), wide(images[:20]), atol=1e-4)
print("widths:", " → ".join(map(str, wide.widths)))
print("same outputs:", same)

# %% [markdown] tags=["predict"]
# **Predict first.** The layers are trained. Do you expect all their singular values where those of a random matrix of the same
# size lie, none of them, or some?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Most lie there. What training put in shows as a few values well beyond the edge of T24, which the next pictures look for.
#
# </details>

# %% [markdown]
# ## Inspecting it
#
# `inspect_network` looks at every layer through its shared matrix; nothing of width $SC$ is made. It works the same for a network
# whose effective weights would fill a disk.

# %%
seen = nn.inspect_network(net)
shape = seen.shape
print(
    f"{shape.tokens} tokens × {shape.channels} channels: width {shape.width}, {shape.connections:.0f} connections a layer"
)
print(f"a sparse MLP with as many keeps a share p = {shape.equivalent_density:.4f} of its weights (T7)")

# %% [markdown]
# The first question to a trained matrix: does it differ from a random one? Entries that are independent, with the same variance
# as those of the layer, have singular values up to about
#
# $$\sigma_{\max} \approx \mathrm{rms} \cdot \sqrt{\mathrm{columns}} \cdot (1 + \sqrt{\gamma}), \qquad
# \gamma = \frac{\mathrm{rows}}{\mathrm{columns}}. \tag{T24}$$
#
# A value further out than any before training is something the training put there. So we compare with the same network before it.

# %% mystnb={"image": {"alt": "Left: singular values of the second token layer in both blocks; in the later block the first value stands out. Right: largest singular value over the random edge for four layers in two blocks."}}
fresh = nn.inspect_network(design.build((8, 8, 1), 10))
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
km.plotting.plot_layer_spectra(seen, "token 2", left)
km.plotting.plot_edges(seen, right)
right.set_xlim(-0.05, 1.05)
plt.show()

# %%
for words, found in (("before training", fresh), ("trained", seen)):
    over = [layer.singular_values[0] / layer.edge for layer in found.layers]
    far = found.layers[int(np.argmax(over))]
    print(f"{words}: furthest is {far.name} of block {far.block}, at {max(over):.2f} times the edge")

# %% [markdown]
# The outlier has a meaning. The head sees only the *mean* over tokens, so the last token layer can best help by adding one common
# summary to all tokens: a matrix of rank one whose left singular vector is constant. Look whether it is.

# %% mystnb={"image": {"alt": "Left: the shared matrix of the last token layer, 16 by 32, with vertical stripes. Right: its first left singular vector as bars of similar height."}}
layer = next(x for x in seen.layers if (x.block, x.name) == (1, "token 2"))
W = layer.operator.factors[0][0, 0]
u = np.linalg.svd(W)[0][:, 0]
u = u * np.sign(u.sum())
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
km.plotting.plot_matrix(W, left, title="$W_2$ of block 1")
right.bar(np.arange(1, 17), u)
right.axhline(1 / 16**0.5, color="0.4", linestyle=":")
right.set(xlabel="token", ylabel="first left singular vector", title="dotted: constant vector")
plt.show()

# %%
print(
    f"cosine between it and the constant vector: {abs(u.mean()) * 16**0.5:.2f} (a random vector: about {1 / 16**0.5:.2f})"
)

# %% [markdown]
# ### With the skip connection
#
# Between activations a block is close to the identity plus something. Read linearly, the token MLP with its skip connection is
# $I_C \otimes (I + W_2 W_1)$: a *sum* of two Kronecker products. The skip keeps the small singular values away from zero.

# %% mystnb={"image": {"alt": "Largest and smallest singular values of the linear products with the skip connection, for token and channel MLPs in both blocks, around the line at 1."}}
fig, ax = plt.subplots(figsize=(5.6, 3), layout="constrained")
km.plotting.plot_skips(seen, ax)
ax.set(xlim=(-0.05, 1.05), xticks=(0, 1))
ax.minorticks_off()
ax.set_yticks([0.6, 0.8, 1, 1.2], [0.6, 0.8, 1, 1.2])
plt.show()

# %% [markdown]
# ## Which structure do its layers have?
#
# Ask the search of notebook 4, for a third of the numbers, before and after training.

# %%
names = [f"{x.name}, block {x.block}" for x in seen.layers]
matrices = [x.operator.factors[0][0, 0] for x in seen.layers]
untrained = [x.operator.factors[0][0, 0] for x in fresh.layers]
for name, W, W0 in zip(names, matrices, untrained, strict=True):
    row, before = (km.search(M, budget=1 / 3).choose() for M in (W, W0))
    print(f"{name:18} {row!s:34} error {row.relative_error:.2f}; before training {before.relative_error:.2f}")

# %% [markdown]
# No layer is near any structure, and an error like this does not yet say what a replacement costs: it counts all entries alike, but
# the network may not need all of them. So replace the layers, and measure.

# %% [markdown] tags=["predict"]
# **Predict first.** No layer is near any structure in Frobenius norm. Must the network read digits badly once its layers are
# replaced?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Not necessarily. The error counts all entries alike, the inputs that the layer sees use only some directions, and a few epochs
# of fine-tuning repair much. It is measured below.
#
# </details>

# %% [markdown]
# ## Replace the layers
#
# A network is a tree of parts. Going down it with a batch of images, we meet every layer together with the inputs it sees. These
# matter: on them the error can be weighed (T32).


# %%
def exchanged(part, X, layers, change):
    if isinstance(part, nn.Sequential):
        parts = []
        for inner in part.parts:
            parts.append(exchanged(inner, X, layers, change))
            X = inner(X)
        return type(part)(*parts)
    if not any(getattr(part, "operator", None) is layer.operator for layer in layers):
        return part
    copies, _, columns, stride = part.operator.pattern  # the layer is I ⊗ W ⊗ I
    fibers = X.reshape(copies, columns, stride, -1).transpose(1, 0, 2, 3).reshape(columns, -1)
    op = km.Ampliation(change(part.operator.factors[0][0, 0], fibers), copies, stride)
    return nn.Linear(op, part.bias, part.rows, part.name)


# %%
def replaced(net, images, layers, change):
    body = exchanged(net.body, net.patches.columns(images, np.dtype(np.float32)), layers, change)
    return nn.Network(body, net.patches, net.name)


# %% [markdown]
# Three families, each with the shape and rank that is nearest within a budget and takes no more multiply-adds than the dense
# matrix. Each is fitted twice: nearest in Frobenius norm, and, at the same shape and rank, nearest on the layer's inputs.


# %%
def nearest(W, family, row, **data):
    if family == "low rank":
        return km.nearest_low_rank(W, row.rank, **data).operator
    if family == "Monarch":
        return km.nearest_monarch(W, row.sizes, row.rank, **data).operator
    p, k, q, s = row.sizes
    return km.nearest_kronecker(W, ((p, k), (q, s)), row.rank, **data).operator


# %%
def changer(family, share, on_data):
    def change(W, X):
        rows = km.search(W, budget=share, families=[family]).candidates
        row = min((r for r in rows if r.connections <= W.size), key=lambda r: r.relative_error)
        return nearest(W, family, row, **({"inputs": X} if on_data else {}))

    return change


# %% [markdown]
# All eight layers at once, at three budgets. Fine-tuning is the training loop of the network again, for a few epochs.

# %% tags=["parameters"] fast="TUNING = 1"
TUNING = 3

# %%
known = (pixels[train] - run.about["mean"]) / run.about["deviation"]
tuning = {"epochs": TUNING, "batch": 64, "schedule": 3e-3, "threads": 1, "progress": lambda *_: None}
variants = {
    f"{f}, {w}": (f, w == "on data") for f in ("low rank", "Kronecker sum", "Monarch") for w in ("plain", "on data")
}
dense = sum(W.size for W in matrices)
results = {name: [] for name in variants}
for name, (family, on_data) in variants.items():
    for share in (0.2, 0.35, 0.5):
        small = replaced(net, known, seen.layers, changer(family, share, on_data))
        stored = dense - (net.n_parameters - small.n_parameters)
        tuned = nn.fit(small, known, labels[train], **tuning).network
        results[name].append((stored, accuracy(small), accuracy(tuned)))

# %% mystnb={"image": {"alt": "Test accuracy against numbers stored in the eight layers, as replaced and fine-tuned. As replaced the accuracy rises steeply with the numbers, and the families cross; after fine-tuning all are close together, below the original."}}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
looks = [(f"C{i // 2}", "o--" if i % 2 == 0 else "o-") for i in range(6)]
for ax, column, title in zip(axes, (1, 2), ("as replaced", f"fine-tuned for {TUNING} epochs"), strict=True):
    for (name, rows), (color, look) in zip(results.items(), looks, strict=True):
        face = "none" if name.endswith("plain") else color
        ax.plot([r[0] for r in rows], [r[column] for r in rows], look, color=color, mfc=face, label=name)
    ax.axhline(accuracy(net), color="0.4", linestyle=":", label="original")
    ax.set(xlabel=f"numbers stored in the layers, of {dense}", title=title)
axes[0].set_ylabel("test accuracy")
axes[1].legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# Who wins is computed, not told. One seed and one network say little: the difference between two accuracies $a$ and $b$ on the same
# $n$ images is at least as uncertain as $\sqrt{|a - b| / n}$ (the images on which exactly one of them is right).

# %%
for i in range(3):
    for column, when in ((1, "as replaced"), (2, "fine-tuned")):
        ranked = sorted(variants, key=lambda name: -results[name][i][column])
        first, second = (results[name][i] for name in ranked[:2])
        lead, noise = first[column] - second[column], np.sqrt((first[column] - second[column]) / len(test))
        told = "ahead of" if lead > 2 * noise else "not told from"
        print(f"{first[0] / dense:.0%} of the numbers, {when}: {ranked[0]}, {first[column]:.3f}, {told} {ranked[1]}")
plain, aware = (
    np.mean([[r[1] for r in rows] for n, rows in results.items() if n.endswith(w)]) for w in ("plain", "on data")
)
print(f"mean accuracy as replaced: {plain:.3f} plain, {aware:.3f} on data; original {accuracy(net):.3f}")

# %% [markdown]
# The same question with five seeds, all families, an MLP beside the Mixer, and MNIST in place of the small digits is the study
# `data_aware`: `python -m analysis run data_aware`.
#
# ## Published checkpoints, and their traps
#
# The same functions read published Mixers. Two layouts exist: timm's, from PyTorch, in `.safetensors`; and the original one, from
# JAX, in `.npz`. We write a small random file of each kind, with the real names, and look at the shapes.

# %%
from safetensors.numpy import load_file

for name in ("timm.safetensors", "jax.npz"):
    km.mixer.write_synthetic_checkpoint(folder / name, image=32, patch=8, channels=12, depth=2)
timm, jax = load_file(folder / "timm.safetensors"), np.load(folder / "jax.npz")
pairs = {
    "embedding": ("stem.proj.weight", "stem/kernel"),
    "token W₁": ("blocks.0.mlp_tokens.fc1.weight", "MixerBlock_0/token_mixing/Dense_0/kernel"),
    "channel V₁": ("blocks.0.mlp_channels.fc1.weight", "MixerBlock_0/channel_mixing/Dense_0/kernel"),
}
for what, (ours, theirs) in pairs.items():
    print(f"{what:11} timm {timm[ours].shape!s:14} JAX {jax[theirs].shape}")

# %% [markdown]
# With $S = 16$ tokens, $C = 12$ channels and hidden sizes 6 and 48:
#
# 1. **Transposes.** PyTorch stores (out, in), JAX (in, out). In the formulas $W_1$ acts from the left and $V_1$ from the right. So
#    timm's token weights are $W_1$ but its channel weights $V_1^\top$; in JAX's files it is the other way round.
# 2. **Square matrices.** Where a layer is square, a wrong transpose raises no error (exercise 10.1).
# 3. **The order of pixels** in a patch: (colour, row, column) in one file, (row, column, colour) in the other.
# 4. **GELU.** timm runs the exact form with the error function, JAX the form with tanh. The network must carry which one.
# 5. **Normalisation** of the images is not in the file. Neither are names' prefixes (`opt/target/`, `module.`) always the same.
#
# `km.load_mixer` takes care of all but the fifth, and both files become the same kind of network.

# %%
for name in ("timm.safetensors", "jax.npz"):
    loaded = km.load_mixer(folder / name)
    kinds = {layer.activation for layer in loaded.as_wide_mlp().layers} - {"linear"}
    print(f"{name}: {loaded!r}, activation {', '.join(kinds)}")

# %% mystnb={"image": {"alt": "Difference between the two forms of GELU: an even, wavy curve of a few ten-thousandths, with maxima near -2.7 and 2.7."}}
x = np.linspace(-4, 4, 801)
difference = nn.Activation("gelu_tanh")(x[:, None])[:, 0] - nn.Activation("gelu")(x[:, None])[:, 0]
fig, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
ax.plot(x, difference)
ax.set(xlabel="x", ylabel="tanh form − exact form")
plt.show()

# %%
print(
    f"largest difference: {np.abs(difference).max():.1e}, small, but larger than rounding: it would fail a check of outputs"
)

# %% [markdown]
# ## The page
#
# `kronmix report` makes one self-contained page of all this. From a shell:
#
# ```console
# $ kronmix inspect mixer.safetensors --plot spectra.png
# $ kronmix report --weights run.npz --out page
# ```
#
# The same from Python (without the section of proofs, which takes longer):

# %%
from kronmix.report import study_network, write_report

page = folder / "page"
page.mkdir()
write_report(study_network(folder / "run.npz"), page)
for file in sorted(page.iterdir()):
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")

# %% [markdown]
# `index.html` needs no network and no other file. `results.json` and `arrays.npz` hold its numbers for other programs.

# %%
import json

results = json.loads((page / "results.json").read_text(encoding="utf-8"))["network"]
print(", ".join(results))
print("first layer:", {key: results["layers"][0][key] for key in ("name", "shape", "connections", "density")})

# %% [markdown]
# ## Quick checks
#
# Which of the matrices $V_1$ and $V_1^\top$ does a file in timm's layout hold?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $V_1^\top$: PyTorch stores (output, input), and $V_1$ acts from the right.
#
# </details>

# %% [markdown]
# A square token matrix is read transposed. Which error is raised?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# None. Only the outputs, or a comparison with them, show it.
#
# </details>

# %% [markdown]
# How many Kronecker products add up to a token MLP with its skip connection, without activation?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Two: $I \otimes I + I \otimes W_2W_1$, which is again one, $I \otimes (I + W_2W_1)$.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **10.1** ResMLP has one square token matrix per block. Load such a network, transpose its token matrices, and find out which of
# these notice: the reader, the singular values, the nearest Kronecker product, the outputs.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
km.mixer.write_synthetic_checkpoint(folder / "resmlp.safetensors", image=32, patch=8, channels=12, family="ResMLP")
res = km.load_mixer(folder / "resmlp.safetensors")
X = np.random.default_rng(0).normal(size=(4, 32, 32, 3))
tokens = [x for x in nn.inspect_network(res).layers if x.name.startswith("token")]
shared = [x.operator.factors[0] for x in tokens]
turned = res.with_factors(*(f.swapaxes(2, 3) if any(f is g for g in shared) else f for f in res.factors))
first, other = (nn.inspect_network(n).layers[0] for n in (res, turned))
print("singular values the same:", np.allclose(first.singular_values, other.singular_values, rtol=1e-4))
print("error of the nearest Kronecker the same:", np.isclose(first.kronecker_error, other.kronecker_error))
change = np.abs(res(X) - turned(X)).max() / np.abs(res(X)).max()
print(f"outputs change by {change:.0%} of their size: only a check of outputs finds a wrong transpose")

# %% [markdown]
# **10.2** Is it the singular values of a layer that carry the function, or the singular vectors? Replace $W_2$ of block 1 by
# matrices with the same singular values and other vectors: first all random, then with the first pair kept.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
U, σ, Vt = np.linalg.svd(W.astype(float), full_matrices=False)
rng = np.random.default_rng(0)
A, B = (np.linalg.qr(rng.normal(size=(n, 16)))[0] for n in W.shape)
# Keep the first pair: the other vectors are random in the complement of the first.
A1, B1 = (np.linalg.qr(np.column_stack([v, rng.normal(size=(v.size, 15))]))[0] for v in (U[:, 0], Vt[0]))
sign = np.sign(A1[:, 0] @ U[:, 0]) * np.sign(B1[:, 0] @ Vt[0])
for words, M in (("all random", A * σ @ B.T), ("first pair kept", A1 * σ * np.r_[sign, np.ones(15)] @ B1.T)):
    print(
        f"{words}: accuracy {accuracy(replaced(net, known, [layer], lambda _, X, M=M: km.Dense(M))):.3f} (original {accuracy(net):.3f})"
    )

# %% [markdown]
# **10.3** Tokens lie on a 4 × 4 grid, so a Kronecker factorisation of a $16 \times 16$ token matrix means a filter that is separable
# in rows and columns. Is $W_2 W_1$ of block 0 nearer to separable than after shuffling the tokens?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
W1, W2 = (x.operator.factors[0][0, 0].astype(float) for x in seen.layers[:2])
M, rng = W2 @ W1, np.random.default_rng(0)
error = km.nearest_kronecker(M, ((4, 4), (4, 4))).relative_error
orders = [rng.permutation(16) for _ in range(200)]
shuffled = [km.nearest_kronecker(M[np.ix_(o, o)], ((4, 4), (4, 4))).relative_error for o in orders]
fewer = np.mean(np.less(shuffled, error))
print(f"relative error {error:.3f}; shuffled tokens {np.mean(shuffled):.3f}, smaller in {fewer:.1%} of cases")

# %%
scratch.cleanup()

# %% [markdown]
# ## Where to read more
#
# - I. Tolstikhin et al., *MLP-Mixer: an all-MLP architecture for vision*, NeurIPS 2021, arXiv:2105.01601.
# - H. Touvron et al., *ResMLP: feedforward networks for image classification with data-efficient training*, 2021,
#   arXiv:2105.03404.
# - T. Dao et al., *Monarch: expressive structured matrices for efficient and accurate training*, ICML 2022, arXiv:2204.00595.
# - T. Hayase and R. Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024, arXiv:2306.01470.
#
# Next: bring your own files, with the how-to pages of the documentation, or go back to
# [mixing is multiplying by a Kronecker product](01_mixing_is_kronecker.ipynb) with other eyes.

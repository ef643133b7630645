# %% [markdown]
# # 5 Proving it
#
# **You will learn**
#
# - why two results that agree in floating point prove nothing, and which mistakes slip through a test at one size;
# - three kinds of exact evidence: one formula for all sizes, a symbol for every entry, random residues modulo a large prime;
# - how to prove or refute identities of your own, and how to test the prover itself.
#
# You need the identities of notebook 1 and a little about polynomials.

# %%
import numpy as np
import sympy
from matplotlib import pyplot as plt

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown] tags=["predict"]
# **Predict first.** You test an identity on a thousand pairs of random square matrices, and it agrees to 15 digits each time.
# Name a mistake that cannot be seen in this way.

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Two sizes that were exchanged, as $K_{C,S}$ for $K_{S,C}$: for $S = C$ both are the same matrix.
#
# </details>

# %% [markdown]
# ## A test that nearly always passes
#
# The commutation matrix obeys $K_{S,C}\,\mathrm{vec}(X) = \mathrm{vec}(X^\top)$ (T2). Suppose we confuse its two indices and write
# $K_{C,S}$. Every matrix still has the right shape, so nothing stops us. Here is how far the wrong identity is off, for every
# size up to 8 × 8.


# %% mystnb={"image": {"alt": "A grid of sizes 1 to 8 by 1 to 8, coloured where the test fails. The diagonal, first row and first column are blank."}}
def slip(S, C):
    X = rng.normal(size=(S, C))
    return np.linalg.norm(km.commutation(C, S) @ km.vec(X) - km.vec(X.T)) / np.linalg.norm(X)


off = np.array([[slip(S, C) for C in range(1, 9)] for S in range(1, 9)])
fig, ax = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
km.plotting.plot_matrix(off, ax, key=False, title="how far off; blank: test passes")
ax.set(xlabel="C", ylabel="S")
plt.show()

# %% [markdown]
# The diagonal is blank: whoever tests with a square $X$, however large and however often, sees a perfect agreement. So is every
# size with $S = 1$ or $C = 1$. A random test at one size is a test of that size only.

# %% [markdown]
# ## A test with a tolerance
#
# The second kind of mistake is small. A residual block mixes tokens first and channels afterwards, $Y = X + WX$, then $Z = Y + YV$.
# Is that the same as mixing both at once, $X + WX + XV$? With the small weights of a fresh network the usual test says yes.

# %%
S, C = 12, 8
W, V, X = 1e-4 * rng.normal(size=(S, S)), 1e-4 * rng.normal(size=(C, C)), rng.normal(size=(S, C))
Y = X + W @ X
one_after_the_other, at_once = Y + Y @ V, X + W @ X + X @ V
print("np.allclose:", np.allclose(one_after_the_other, at_once))
print(f"largest difference: {abs(one_after_the_other - at_once).max():.0e}, the term WXV that was forgotten")

# %% [markdown]
# A smaller tolerance does not settle it. Identities that *are* true fail at tolerance zero, because of rounding:

# %%
W, V = rng.normal(size=(S, S)), rng.normal(size=(C, C))
rounding = km.vec(W @ X @ V) - np.kron(V.T, W) @ km.vec(X)
print(f"T1 is true, and in floating point it is off by {abs(rounding).max():.0e}")

# %% [markdown]
# Is a difference of $10^{-8}$ a mistake, and one of $10^{-15}$ rounding? Floating point cannot tell. We need exact arithmetic, and
# an argument that covers more than the sizes we try.

# %% [markdown]
# ## A symbol for every entry
#
# The most direct proof: let every entry be a symbol, multiply out, and compare. Here is $\mathrm{vec}(WXV)$ minus
# $(V^\top \otimes W)\,\mathrm{vec}(X)$ for $S = 2$ tokens and $C = 3$ channels, with SymPy.


# %%
def symbols(letter, rows, columns):
    return np.array(sympy.symbols(f"{letter}:{rows * columns}")).reshape(rows, columns)


w, x, v = symbols("w", 2, 2), symbols("x", 2, 3), symbols("v", 3, 3)
difference = km.vec(w @ x @ v) - np.kron(v.T, w) @ km.vec(x)
print("first entry:   ", difference[0])
print("all, expanded: ", [sympy.expand(entry) for entry in difference])

# %% [markdown]
# Zero, as polynomials: the identity holds for *all* matrices of these sizes, real or complex. But only for these sizes, and the
# number of terms grows fast. `km.check_identity` does this at several small sizes, and then two more things.

# %%
T1 = km.check_identity(
    lambda W, X, V: (km.vec(W @ X @ V), km.kron(V.T, W) @ km.vec(X)),
    W=("S", "S"),
    X=("S", "C"),
    V=("C", "C"),
)
print("holds:", T1.holds, "| evidence:", T1.evidence)
print("sizes (S, C):", [(sizes["S"], sizes["C"]) for sizes in T1.sizes])
print("error probability:", T1.error_probability)

# %% [markdown]
# **All sizes** is the strongest evidence: the two sides have the same formula for entry $(i, j)$, a sum over indices, with $S$ and
# $C$ left open. **At sizes** is what we just did by hand. **Modulo primes at sizes** is the third, and it works where the others do not.

# %% [markdown] tags=["predict"]
# **Predict first.** A false identity of degree 3 is tested at one random point modulo a prime $p$. How often can it pass?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# With probability at most $3/p$, whatever the identity is.
#
# </details>

# %% [markdown]
# ## Random residues modulo a large prime
#
# Replace every entry by a random integer modulo a prime $p$ and compute both sides modulo $p$. There is no rounding: a difference
# is zero or it is not. How likely is it that a *false* identity passes? (Schwartz–Zippel:) a polynomial of degree $d$ that is not
# zero vanishes at a random point modulo $p$ with probability at most $d/p$. Each entry of "left minus right" is such a polynomial,
# so a false identity of degree $d$ passes with probability at most $d/p$.
#
# See it happen. Without the transpose, $(V \otimes W)\,\mathrm{vec}(X)$ is wrong. The dots show how often it passes at one random
# point, for small primes, with $S = 1$ and $C = 2$.

# %% tags=["parameters"] fast="TRIALS = 20_000"
TRIALS = 400_000
PRIMES = [5, 11, 31, 101, 307, 1009, 3001]


# %% mystnb={"image": {"alt": "Share of random points that miss a wrong identity, against the prime: dots on the line 3/p, which runs on to 1e-18 at 2 to the 61."}}
def share_fooled(p):
    w, x0, x1, v00, v01, v10 = rng.integers(0, p, (6, TRIALS))
    return np.mean((w * (x0 * v00 + x1 * v10) - w * (v00 * x0 + v01 * x1)) % p == 0)


fig, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
ends = np.array([PRIMES[0], 2.0**61])
ax.loglog(ends, 3 / ends, color="0.4", label="bound $d/p$, degree $d = 3$")
ax.loglog(PRIMES, [share_fooled(p) for p in PRIMES], "o", label="wrong identity passes, measured")
ax.loglog(2.0**61, 3 / 2.0**61, "s", color="#d9690f", label="$p ≈ 2^{61}$, as kronmix uses")
ax.set(xlabel="prime $p$", ylabel="probability")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# With a prime near $2^{61}$ one random point is enough. And nothing has to be multiplied out or even formed, so this works at
# *real* sizes. The next identity builds its matrix with a loop of $C$ copies, so a formula for all sizes is out of reach; at the
# size of Mixer-B/16, with 150 528 rows, a moment suffices.

# %% tags=["parameters"] fast="TOKENS, CHANNELS = 12, 20"
TOKENS, CHANNELS = 196, 768

# %%
loop = km.check_identity(
    lambda W, X, C: (km.vec(W @ X), km.block_diag(*[W] * C) @ km.vec(X)),
    W=("S", "S"),
    X=("S", "C"),
    at={"S": TOKENS, "C": CHANNELS},
)
print("holds:", loop.holds, "| evidence:", loop.evidence)
print(f"checked at {TOKENS} tokens and {CHANNELS} channels, error probability at most {loop.error_probability:.0e}")

# %% [markdown]
# This number is a proved bound: however the identity might be wrong, it would have been caught but for this chance. Nobody chose a
# tolerance.

# %% [markdown]
# ## Refuting: the smallest counterexample
#
# A false identity comes back with the smallest sizes and matrices on which it fails. First the missing transpose:

# %%
no_transpose = km.check_identity(
    lambda W, X, V: (km.vec(W @ X @ V), km.kron(V, W) @ km.vec(X)),
    W=("S", "S"),
    X=("S", "C"),
    V=("C", "C"),
)
wrong = no_transpose.counterexample
print("sizes:", wrong.sizes, "| matrices:", {name: matrix.tolist() for name, matrix in wrong.matrices.items()})
print(f"entry {wrong.entry[0]} is {wrong.left} on the left and {wrong.right} on the right")

# %% [markdown]
# Numbers as small as these can be checked with a pencil. They also tell us *why*: with $C = 1$ there is nothing to transpose, and
# two channels are enough to show it.
#
# Now the slip of the first picture, inside channel mixing. The true identity is
# $$V^\top \otimes I_S = K_{C,S}\,(I_S \otimes V^\top)\,K_{S,C}. \tag{T3}$$


# %%
def mixing(first, last):
    return km.check_identity(
        lambda X, V, S, C: (km.vec(X @ V), first(S, C) @ km.kron(km.eye(S), V.T) @ last(S, C) @ km.vec(X)),
        X=("S", "C"),
        V=("C", "C"),
    )


right = mixing(lambda S, C: km.commutation(C, S), km.commutation)
swapped = mixing(km.commutation, lambda S, C: km.commutation(C, S))
print("T3:             ", right.holds, "|", right.evidence)
print("indices swapped:", swapped.holds, "| smallest sizes:", swapped.counterexample.sizes)

# %% [markdown]
# The smallest counterexample is not square, and neither $S$ nor $C$ is 1, just as the picture said. At a size where both matrices
# can be drawn, the slip looks like this.

# %% mystnb={"image": {"alt": "Three matrices of 12 by 12: diagonal stripes in blocks, a wrong one with stripes elsewhere, and their difference."}}
S, C = 4, 3
V, K = rng.normal(size=(C, C)), km.commutation(S, C).to_dense()
inner = np.kron(np.eye(S), V.T)
pictures = [("$V^⊤ ⊗ I_S$", K.T @ inner @ K), ("indices swapped", K @ inner @ K.T)]
pictures.append(("difference", pictures[1][1] - pictures[0][1]))
fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), layout="constrained")
km.plotting.plot_layers(pictures, list(axes), blocks=(S, S))
plt.show()

# %% [markdown]
# ## Two operators
#
# Often the question is not a formula but two objects in a program: do they compute the same map? `km.check_equivalent` compares
# them without forming a matrix. If the factors hold integers, the answer is exact; otherwise it is a comparison to a tolerance,
# and the verdict says so.

# %%
W, V = rng.integers(-9, 10, (TOKENS, TOKENS)), rng.integers(-9, 10, (CHANNELS, CHANNELS))
layers = km.channel_mixing(V, tokens=TOKENS) @ km.token_mixing(W, channels=CHANNELS)
as_monarch = km.check_equivalent(layers, km.Monarch(V.T[None], W[None]))
as_kronecker = km.check_equivalent(layers, km.Kronecker(V, W))
print("a Mixer layer is a tied Monarch matrix (T12):", as_monarch.holds, "|", as_monarch.evidence)
print(f"error probability at most {as_monarch.error_probability:.0e}")
print("and V ⊗ W:", as_kronecker.holds, "| first entry that differs:", as_kronecker.counterexample.entry)

# %% [markdown]
# ## Two parametrisations
#
# A last question is about whole families. *Which* matrices can be written in one form, and are they those of another form? A
# Monarch matrix with tied blocks is a Kronecker product and nothing else. Without tying it is more, and the dimension of the family
# says how much more.

# %%
tied = km.Monarch(np.ones((1, 3, 3)), np.ones((1, 2, 2)))
kronecker = km.Kronecker(np.ones((3, 3)), np.ones((2, 2)))
untied = km.Monarch(np.ones((2, 3, 3)), np.ones((3, 2, 2)))
same, larger = km.check_reparametrization(tied, kronecker), km.check_reparametrization(untied, kronecker)
print("tied Monarch = Kronecker:", same.holds, "|", same.detail)
dimensions = larger.counterexample
print(f"untied Monarch = Kronecker: {larger.holds} | dimensions {dimensions.left} and {dimensions.right}")

# %% [markdown]
# ## Who checks the prover?
#
# A prover that accepts everything would accept all our theorems. So every theorem of the toolkit comes with **false neighbours**:
# the same statement with a factor lost, a transpose forgotten, two sizes swapped. The same prover has to reject each of them.

# %%
report = km.verify(["T1", "T2", "T3", "T4", "T8", "T12", "T14", "T15", "T16", "T18", "T19"])
rejected = sum(row.mutants_rejected for row in report.rows)
print(f"{len(report.statements)} statements hold: {report.holds}; {rejected} false neighbours rejected")
for row in report.rows:
    if row.number in ("T3", "T16") and row.evidence in ("all sizes", "certificate at sizes"):
        print(f"{row.number} {row.name}: rejected {', '.join(row.mutants)}")

# %% [markdown]
# T16 is an inequality, so residues cannot help. Its proof is a **certificate**: an identity (Lagrange's) that writes the gap as a
# sum of squares, and that is proved for all sizes like any other.
# The picture shows what each proof costs, neighbours included.

# %% mystnb={"image": {"alt": "Seconds per proof on a logarithmic axis, one line per theorem, a marker for each kind of evidence; none takes long."}}
numbers = list(dict.fromkeys(row.number for row in report.rows))
fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
markers = {"all sizes": "o", "at sizes": "^", "modulo primes at sizes": "D", "certificate at sizes": "s"}
for (evidence, marker), colour in zip(markers.items(), ("#1a4fe0", "#d9690f", "#0f9468", "#a845b0"), strict=True):
    chosen = [row for row in report.rows if row.evidence == evidence]
    places = [numbers.index(row.number) for row in chosen]
    ax.semilogx([row.seconds for row in chosen], places, marker, color=colour, alpha=0.75, label=evidence)
ax.set_yticks(range(len(numbers)), numbers)
ax.set(xlabel="seconds, false neighbours included", ylim=(len(numbers) - 0.5, -0.5))
fig.legend(loc="outside right upper", frameon=False)
plt.show()

# %% [markdown]
# What none of this can do: T24 and parts of T23 are statements about random matrices and about runs of an algorithm. They are
# checked numerically, and `kronmix verify` says so in the same column.

# %% [markdown]
# ## Quick checks
#
# A proof with a symbol for every entry at $S = 2$, $C = 3$ succeeds. For which matrices does the identity hold?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# For all matrices of these two sizes, and so far for no others.
#
# </details>

# %% [markdown]
# Which kind of evidence holds for all sizes?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# The one whose formula for entry $(i, j)$ leaves $S$ and $C$ open.
#
# </details>

# %% [markdown]
# Why is a prover given false statements too?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# One that accepts everything would prove all true statements as well.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **5.1** "The Kronecker product commutes, $A \otimes B = B \otimes A$." Refute it for square $A$ and $B$. Then repair it with two
# commutation matrices, and prove the repaired form.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
shapes = {"A": ("m", "m"), "B": ("n", "n")}
print("commutes:", km.check_identity(lambda A, B: (km.kron(A, B), km.kron(B, A)), **shapes))
repaired = km.check_identity(
    lambda A, B, m, n: (km.commutation(n, m) @ km.kron(A, B) @ km.commutation(m, n), km.kron(B, A)), **shapes
)
print("repaired (T2):", repaired.holds, "|", repaired.evidence)

# %% [markdown]
# **5.2** Write $[A, B] = AB - BA$. Does the square $[A, B]^2$ commute with every matrix $C$? Test it in floating point at size 2,
# then with SymPy at size 2, then with `km.check_identity`. What does this say about "checked at small sizes"?


# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
def hall(A, B, C):
    square = (A @ B - B @ A) @ (A @ B - B @ A)
    return square @ C, C @ square


print("random 2 × 2:", np.allclose(*hall(*rng.normal(size=(3, 2, 2)))))
left, right_side = hall(*(symbols(letter, 2, 2) for letter in "abc"))
print("all 2 × 2, exactly:", all(sympy.expand(entry) == 0 for entry in (left - right_side).flat))
verdict = km.check_identity(hall, A=("n", "n"), B=("n", "n"), C=("n", "n"))
print("all sizes:", verdict.holds, "| first fails at", verdict.counterexample.sizes)
# The trace of a commutator is 0, so at size 2 its square is a multiple of I (Cayley–Hamilton). An exact proof at small sizes can
# still say nothing about the next size: a proof needs open sizes, or at least the size that is to be used.

# %% [markdown]
# **5.3** Suppose your computer could only work modulo $p = 127$. How many independent random points would a false identity of
# degree 3 have to pass before you trust it as much as one point modulo a prime near $2^{61}$?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
points = int(np.ceil(np.log(3 / 2.0**61) / np.log(3 / 127)))
print(f"{points} points: (3/127)^{points} = {(3 / 127) ** points:.1e}, one point modulo 2^61: {3 / 2.0**61:.1e}")

# %% [markdown]
# ## Where to read more
#
# - J. T. Schwartz, *Fast probabilistic algorithms for verification of polynomial identities*, Journal of the ACM 27 (1980).
# - R. Zippel, *Probabilistic algorithms for sparse polynomials*, EUROSAM 1979, Lecture Notes in Computer Science 72 (1979).
# - J. R. Magnus and H. Neudecker, *Matrix Differential Calculus with Applications in Statistics and Econometrics*, Wiley (1988).
#
# Next: [what gradient descent regularises](06_what_descent_regularises.ipynb).

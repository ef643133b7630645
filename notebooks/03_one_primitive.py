# %% [markdown]
# # 3 One primitive: Kronecker-sparse factors, Monarch, butterfly
#
# **You will learn**
#
# - how four numbers $(a, b, c, d)$ describe the support of one sparse factor, and how sharing its values gives the Mixer's layers;
# - which patterns may be multiplied, and what their products are: Monarch matrices from two factors, butterflies from $\log_2 n$;
# - how the Hadamard matrix and the discrete Fourier transform become chains with $n \log n$ instead of $n^2$ numbers.
#
# You need the Kronecker product of notebook 1. Notebook 2 says why its sparse layers matter.

# %%
from itertools import pairwise

import numpy as np
from matplotlib import pyplot as plt
from scipy.linalg import hadamard

import kronmix as km

km.plotting.use_house_style()
rng = np.random.default_rng(0)

# %% [markdown]
# ## Four numbers make a support
#
# Here are six supports. Each is a Kronecker product of three simple matrices: an identity, a matrix full of ones, an identity.

# %% mystnb={"image": {"alt": "Six supports: full; diagonal blocks; interleaved diagonals; blocks that hold diagonals; the same with wide blocks; a diagonal."}}
patterns = [(1, 12, 12, 1), (3, 4, 4, 1), (1, 4, 4, 3), (2, 3, 3, 2), (2, 2, 4, 2), (3, 1, 1, 4)]
fig, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), layout="constrained")
for ax, sizes in zip(axes.flat, patterns, strict=True):
    pattern = km.Pattern(*sizes)
    km.plotting.plot_matrix(pattern.support(), ax, key=False, title=f"(a, b, c, d) = {sizes}")
    ax.set(xlabel=f"density {pattern.density:.3g}")
plt.show()

# %% [markdown]
# A **Kronecker-sparse factor** of pattern $(a, b, c, d)$ is a matrix that may be non-zero only on
#
# $$I_a \otimes 1_{b \times c} \otimes I_d. \tag{T9}$$
#
# Read it from the outside in: $a$ blocks on the diagonal, each of them a grid of $b \times c$ cells, each cell a diagonal of length
# $d$. So the matrix is $abd \times acd$, has $abcd$ places, and its density is $1/(ad)$.

# %% [markdown]
# ## The values and the formula
#
# The places are numbered by four indices, so the values are an array `values[a, d, b, c]`: for each block $i_a$ and each position
# $i_d$ on its diagonals there is one small dense $b \times c$ matrix. With rows $(i_a, i_b, i_d)$ and columns $(i_a, i_c, i_d)$,
# last index fastest,
#
# $$y_{i_a, i_b, i_d} = \sum_{i_c} \mathrm{values}[i_a, i_d, i_b, i_c]\; x_{i_a, i_c, i_d}. \tag{T9}$$
#
# That is one batched matrix product. By hand it is one line:

# %%
a, b, c, d = 2, 2, 4, 2
values, x = rng.normal(size=(a, d, b, c)), rng.normal(size=a * c * d)
factor = km.KroneckerSparse(values, (a, b, c, d))
by_hand = np.einsum("adbc,acd->abd", values, x.reshape(a, c, d)).ravel()
print(factor)
print("same result:", np.allclose(factor @ x, by_hand), np.allclose(factor.to_dense() @ x, by_hand))

# %% [markdown]
# ## Sharing is broadcasting
#
# Weight sharing needs no new idea. An axis of `values` that has length 1 is shared, as always in NumPy. With both $a$ and $d$
# shared the factor is $I_a \otimes K \otimes I_d$ for one small matrix $K$.

# %% mystnb={"image": {"alt": "Three matrices with the same support: all entries different; two equal blocks; two equal blocks with constant diagonals."}}
a, b, c, d = 2, 3, 3, 4
tied = [(a, d, b, c), (1, d, b, c), (1, 1, b, c)]
names = ["free", "tied over a", "tied over a and d"]
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.3), layout="constrained")
for ax, shape, name in zip(axes, tied, names, strict=True):
    factor = km.KroneckerSparse(rng.normal(size=shape), (a, b, c, d))
    km.plotting.plot_matrix(factor.to_dense(), ax, blocks=(12, 12), key=False, title=name)
    ax.set(xlabel=f"values {shape}\n{factor.n_parameters} numbers, {factor.connections} connections")
plt.show()

# %% [markdown]
# ## The Mixer's two layers
#
# Token mixing $I_C \otimes W$ and channel mixing $V^\top \otimes I_S$ are two such factors, each tied over its repeated axis:
#
# $$\text{token mixing: } (C, S, S, 1), \qquad \text{channel mixing: } (1, C, C, S). \tag{T10}$$

# %%
S, C = 4, 3
W, V = rng.normal(size=(S, S)), rng.normal(size=(C, C))
token = km.KroneckerSparse(W[None, None], (C, S, S, 1))
channel = km.KroneckerSparse(V.T[None, None], (1, C, C, S))
print("token:  ", token, "| as expected:", np.array_equal(token.to_dense(), np.kron(np.eye(C), W)))
print("channel:", channel, "| as expected:", np.array_equal(channel.to_dense(), np.kron(V.T, np.eye(S))))

# %% [markdown] tags=["predict"]
# **Predict first.** Two factors with supports of this kind are multiplied. Is the support of the product always of this kind
# again?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# No. It depends on how the four numbers of one fit those of the other; the second row of the next picture is a patchwork.
#
# </details>

# %% [markdown]
# ## Products of patterns
#
# What is the support of a product of two factors? Sometimes it is a pattern again, sometimes it is not. Both rows below multiply
# two 12 × 12 factors.

# %% mystnb={"image": {"alt": "Two rows of left support times right support equals product. In the first the product is full, in the second it is a patchwork."}}
pairs = [((1, 3, 3, 4), (3, 4, 4, 1)), ((1, 3, 3, 4), (2, 2, 2, 3))]
fig, axes = plt.subplots(2, 3, figsize=(7.2, 4.9), layout="constrained")
for row, pair in zip(axes, pairs, strict=True):
    left, right = (km.Pattern(*sizes).support().astype(float) for sizes in pair)
    titles = [f"{pair[0]}", f"times {pair[1]}", "product: places with a path"]
    for ax, matrix, title in zip(row, (left, right, left @ right > 0), titles, strict=True):
        km.plotting.plot_matrix(matrix, ax, key=False, title=title)
plt.show()

# %% [markdown]
# The second product is no pattern of any kind: we can try them all.

# %%
left, right = (km.Pattern(*sizes) for sizes in pairs[1])
product = left.support() @ right.support()
sizes = [n for n in range(1, 13) if 12 % n == 0]
square = [km.Pattern(a, 12 // (a * d), 12 // (a * d), d) for a in sizes for d in sizes if 12 % (a * d) == 0]
print(f"of {len(square)} square patterns of size 12, {sum(np.array_equal(p.support(), product) for p in square)} fit")

# %% [markdown]
# When does it work? Two patterns are **chainable** when
#
# $$r = \frac{a_1 c_1}{a_2} = \frac{b_2 d_2}{d_1} \text{ is an integer}, \qquad a_1 \mid a_2, \qquad d_2 \mid d_1, \tag{T11}$$
#
# in words: from left to right the blocks get more and the diagonals get shorter, each new size a multiple or divisor of the old
# one. Then the product has the pattern
#
# $$\Big(a_1,\; \frac{b_1 d_1}{d_2},\; \frac{a_2 c_2}{a_1},\; d_2\Big), \tag{T11}$$
#
# and its values fall into slices of size $b_1 \times c_2$ whose rank is at most $r$. `Pattern` knows the rule; what does not obey
# it is refused in words rather than multiplied into something that nobody can factor back.

# %%
for first, second in pairs:
    try:
        first, second = km.Pattern(*first), km.Pattern(*second)
        print(f"{tuple(first)} * {tuple(second)} = {tuple(first * second)}, slices of rank {first.chain_rank(second)}")
    except ValueError as refusal:
        print("refused:", refusal)

# %% [markdown]
# ## Monarch: a chain of two
#
# Take $(1, p, k, q)$ times $(k, q, s, 1)$: a factor made of diagonals, then a factor made of blocks. The product is full, yet it
# has few free numbers. The last picture shows one **slice**: every $q$-th row of one block of columns. It is an outer product.

# %% mystnb={"image": {"alt": "A factor of diagonals, a block diagonal factor, their full product, and one slice of it: four rows, four apart, by four columns."}}
p = k = q = s = 4
L, R = rng.normal(size=(q, p, k)), rng.normal(size=(k, q, s))
monarch = km.Monarch(L, R)
M = monarch.to_dense()
iq, ik = 1, 2
one_slice = np.zeros_like(M)
one_slice[iq::q, ik * s : (ik + 1) * s] = M[iq::q, ik * s : (ik + 1) * s]
left, right = (op.to_dense() for op in monarch.operators)
titles = ["left (1, p, k, q)", "right (k, q, s, 1)", "product", "one slice of it"]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for ax, matrix, title in zip(axes, (left, right, M, one_slice), titles, strict=True):
    km.plotting.plot_matrix(matrix, ax, blocks=(4, 4), key=False, title=title)
plt.show()

# %% [markdown]
# $$M_{(i_p, i_q), (i_k, i_s)} = L[i_q, i_p, i_k]\; R[i_k, i_q, i_s]. \tag{T12}$$
#
# For fixed $i_q$ and $i_k$ the right side is a column times a row. That is the whole definition of a **Monarch matrix**: each of
# its $qk$ slices has rank one.

# %%
slices = M.reshape(p, q, k, s).transpose(1, 2, 0, 3)  # slice [iq, ik] has rows ip and columns is
print("slice (1, 2) is an outer product:", np.allclose(slices[iq, ik], np.outer(L[iq, :, ik], R[ik, iq, :])))
print(
    "ranks of the slices:",
    set(np.linalg.matrix_rank(slices).ravel().tolist()),
    "| rank of M:",
    np.linalg.matrix_rank(M),
)
print(f"{M.size} entries from {monarch.n_parameters} numbers")

# %% [markdown]
# ## A linear Mixer is a tied Monarch matrix
#
# Put the two layers of a Mixer into the chain: channel mixing $(1, C, C, S)$, then token mixing $(C, S, S, 1)$. These are the
# patterns of a Monarch matrix with $p = k = C$ and $q = s = S$. The Mixer uses the same $V^\top$ for all tokens and the same $W$
# for all channels: both factors are tied.

# %%
mixer = km.LinearMixer(W, V).effective_weight()
as_monarch = km.Monarch(V.T[None], W[None])
same = km.mixer_patterns(S, C) == tuple(op.pattern for op in as_monarch.operators)
print("patterns:", *map(tuple, km.mixer_patterns(S, C)), "| those of the Monarch chain:", same)
print("same matrix:", np.allclose(as_monarch.to_dense(), mixer.to_dense()))
untied = km.Monarch(np.repeat(V.T[None], S, axis=0), np.repeat(W[None], C, axis=0))
print(f"numbers: tied {as_monarch.n_parameters}, untied {untied.n_parameters}, dense {(S * C) ** 2}")

# %% [markdown] tags=["predict"]
# **Predict first.** Split the factors of a matrix of size $n = 64$ until all blocks are 2 × 2. How many factors are there, and
# how many numbers do they hold together?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Six factors, $\log_2 64$, of 128 numbers each: 768 in place of 4096.
#
# </details>

# %% [markdown]
# ## Butterfly: a chain of many
#
# Split the two factors of a Monarch matrix again, and again, until all blocks are 2 × 2. For $n = 2^J$ that gives $J = \log_2 n$
# factors with only two non-zeros in each row: a **butterfly**.

# %% mystnb={"image": {"alt": "Four factors of 16 by 16: two diagonals far apart, then closer and closer, at last blocks of 2 by 2. Their product is full."}}
n = 16
chain = km.butterfly_patterns(n)
fig, axes = plt.subplots(1, 5, figsize=(9, 2.4), layout="constrained")
for ax, pattern in zip(axes, chain, strict=False):
    km.plotting.plot_matrix(pattern.support(), ax, blocks=(4, 4), key=False, title=f"{tuple(pattern)}")
product = np.linalg.multi_dot([pattern.support().astype(float) for pattern in chain])
km.plotting.plot_matrix(product, axes[-1], blocks=(4, 4), key=False, title="product")
plt.show()

# %% [markdown]
# Factor $l$ has the pattern
#
# $$\Big(2^l,\; 2,\; 2,\; \frac{n}{2^{l+1}}\Big), \qquad l = 0, \dots, \log_2 n - 1. \tag{T13}$$
#
# Each neighbouring pair is chainable with $r = 1$. The product of the supports counts paths from inputs to outputs: it is 1
# everywhere, so there is exactly one path from every input to every output.

# %%
print(
    "paths:",
    set(product.ravel().astype(int).tolist()),
    "| ranks r:",
    [one.chain_rank(next_one) for one, next_one in pairwise(chain)],
)
print(f"connections: {sum(pattern.nnz for pattern in chain)} = 2 n log₂ n, dense {n * n}")

# %% [markdown]
# ## The Hadamard matrix: tied over everything
#
# The Hadamard matrix is a Kronecker power of one 2 × 2 matrix, $H_n = H_2 \otimes H_2 \otimes \dots \otimes H_2$. Each factor of
# its butterfly is $I \otimes H_2 \otimes I$: the same four numbers everywhere.

# %%
H2 = np.array([[1.0, 1.0], [1.0, -1.0]])
H = km.Chain(*(km.KroneckerSparse(H2[None, None], pattern) for pattern in chain))
print("exactly scipy's:", np.array_equal(H.to_dense(), hadamard(n)))

# %% [markdown]
# ## The Fourier transform: tied over $a$ only
#
# The fast Fourier transform computes a transform of length $n$ from two of length $n/2$, one of the even and one of the odd
# entries. With the even entries sorted before the odd ones, and so on at each level (**bit reversal**), its first step is
#
# $$F_n P_n = \begin{pmatrix} I & D \\ I & -D \end{pmatrix} (I_2 \otimes F_{n/2} P_{n/2}), \qquad
# D = \mathrm{diag}(1, \omega, \omega^2, \dots), \quad \omega = e^{-2\pi i/n}.$$
#
# The first matrix has the pattern $(1, 2, 2, n/2)$. Its four numbers change along the diagonals, so it is not tied over $d$; the
# $2^l$ copies on level $l$ are equal, so it is tied over $a$.


# %%
def fourier_factor(pattern):
    ω = np.exp(-1j * np.pi * np.arange(pattern.d) / pattern.d)  # the twiddle factors
    one = np.ones_like(ω)
    blocks = np.array([[one, ω], [one, -ω]])  # 2 × 2 × d
    return km.KroneckerSparse(blocks.transpose(2, 0, 1)[None], pattern)


n = 256
fourier = km.Chain(*map(fourier_factor, km.butterfly_patterns(n)))
reversed_bits = [int(f"{i:08b}"[::-1], 2) for i in range(n)]
signal = rng.normal(size=n)
print(f"against np.fft.fft: {abs(fourier @ signal[reversed_bits] - np.fft.fft(signal)).max():.0e}")
print(f"{fourier.n_parameters} numbers, {fourier.connections} connections, dense {n * n}")

# %% mystnb={"image": {"alt": "Real part of the Fourier matrix with columns in bit-reversed order, as the product of four factors whose diagonals carry cosines."}}
small = km.Chain(*map(fourier_factor, km.butterfly_patterns(16)))
fig, axes = plt.subplots(1, 5, figsize=(9, 2.4), layout="constrained")
for ax, op in zip(axes, small.operators, strict=False):
    km.plotting.plot_matrix(op.to_dense().real, ax, blocks=(4, 4), limit=1, key=False, title=f"{tuple(op.pattern)}")
km.plotting.plot_matrix(small.to_dense().real, axes[-1], blocks=(4, 4), limit=1, key=False, title="Fourier, real part")
plt.show()

# %% [markdown]
# ## Can the factors be found without knowing the algorithm?
#
# Here is only the matrix of the transform, 65 536 complex numbers, with its columns in bit-reversed order. Splitting it slice by
# slice, as T11 says, finds a butterfly. Notebook 4 shows how.

# %%
matrix = np.fft.fft(np.eye(n))[:, reversed_bits]
found = km.nearest_chain(matrix, km.butterfly_patterns(n))
print(
    f"{len(found.operator.operators)} factors, {found.n_parameters} numbers, relative error {found.relative_error:.0e}"
)

# %% [markdown]
# ## Why anybody cares: $n \log n$
#
# How many connections, and how many numbers, does a matrix of size $n$ need in each of these forms?

# %% mystnb={"image": {"alt": "Two log-log pictures against n. Connections: dense steepest, then Monarch, then butterfly. Numbers: the same, and Kronecker lowest."}}
widths = 4 ** np.arange(2, 9)
roots = [int(n**0.5) for n in widths]
butterfly = [sum(p.nnz for p in km.butterfly_patterns(int(n))) for n in widths]
blocks = [sum(p.nnz for p in km.monarch_patterns(r, r, r, r)) for r in roots]
connections = {"dense": widths**2, "Monarch, Mixer": blocks, "butterfly": butterfly}
numbers = {"dense": widths**2, "Monarch": blocks, "butterfly": butterfly, "Mixer": [2 * r * r for r in roots]}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
for ax, curves, title in zip(axes, (connections, numbers), ("connections", "numbers trained"), strict=True):
    ax.set(xscale="log", yscale="log", xlabel="width n", title=title)
    km.plotting.plot_curves(widths, curves, ax, markers=True)
plt.show()

# %%
n = int(widths[-1])
print(
    f"at n = {n}: dense {n**2:.1e}, Monarch {blocks[-1]:.1e}, butterfly {butterfly[-1]:.1e}, Mixer {2 * n:.1e} numbers"
)

# %% [markdown]
# ## One primitive
#
# | matrix | chain of patterns | tied over |
# |---|---|---|
# | block diagonal | $(a, b, c, 1)$ | – |
# | token mixing $I_C \otimes W$ | $(C, S, S, 1)$ | $a$ |
# | channel mixing $V^\top \otimes I_S$ | $(1, C, C, S)$ | $d$ |
# | Monarch | $(1, p, k, q) * (k, q, s, 1)$ | – |
# | linear Mixer $V^\top \otimes W$ | $(1, C, C, S) * (C, S, S, 1)$ | $d$, then $a$ |
# | butterfly | $(2^l, 2, 2, n/2^{l+1})$ for $l = 0, 1, \dots$ | – |
# | Fourier transform, bit-reversed | the same | $a$ |
# | Hadamard | the same | $a$ and $d$ |
#
# One kernel multiplies them all, one rule gives all their gradients, and one theorem (T11) says how to factor them.

# %% [markdown]
# ## Quick checks
#
# Which size and density has the pattern $(3, 2, 4, 5)$?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# $abd = 30$ rows, $acd = 60$ columns, density $1/(ad) = 1/15$.
#
# </details>

# %% [markdown]
# A matrix without a single zero: can it fail to be a Monarch matrix?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Yes. Each of its slices must have rank one; being full is not enough.
#
# </details>

# %% [markdown]
# Over which axis is the token layer, pattern $(C, S, S, 1)$, shared?

# %% [markdown] tags=["solution"]
# <details><summary>Answer</summary>
#
# Over $a$: the same $W$ for all $C$ channels.
#
# </details>

# %% [markdown]
# ## Exercises
#
# **3.1** Why stop at blocks of 2 × 2? A width of 64 allows six factors of radix 2, three of radix 4, or two of radix 8 (a Monarch
# matrix). Which has the fewest connections? And if $n$ could be any power of the radix $\rho$?

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
for radices in ([2] * 6, [4] * 3, [8] * 2):
    print(radices, sum(p.nnz for p in km.butterfly_patterns(64, radices)), "connections")
# n ρ log_ρ n = n ln(n) ρ / ln(ρ): smallest at ρ = e, so 3 is best, and 2 and 4 tie because 4 = 2².
print("ρ / ln ρ:", {radix: round(float(radix / np.log(radix)), 3) for radix in (2, 3, 4, 8)})

# %% [markdown]
# **3.2** Turn the Monarch chain round: blocks first, diagonals second, $(k, q, s, 1)$ to the *left* of $(1, p, k, q)$. The rule T11
# refuses it, although the product has a full support. Is something wrong with such matrices? (Look at the transpose.)

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
strided, blocked = (op.to_dense() for op in monarch.operators)
turned = blocked @ strided
print("chainable:", km.Pattern(k, q, s, 1).chainable((1, p, k, q)))
for name, given in (("as it is", turned), ("transposed", turned.T)):
    error = km.nearest_monarch(given, (p, k, q, s)).relative_error
    print(f"{name}: relative distance to the nearest Monarch matrix {error:.1e}")
# Transposing reverses a product, so the transpose is a chain in the right order: the set is as good, only cut the other way.

# %% [markdown]
# **3.3** Leave out the bit reversal: how near is the plain Fourier matrix to a butterfly? Look at the ranks of the slices of the
# first splitting to explain it.

# %% tags=["solution", "hide-cell"] jupyter={"source_hidden": true}
for name, F in (("bit-reversed", matrix), ("plain", np.fft.fft(np.eye(256)))):
    slices = F.reshape(2, 128, 2, 128).transpose(1, 2, 0, 3)  # the first factor's pattern is (1, 2, 2, 128)
    second = np.linalg.svd(slices, compute_uv=False)[..., 1].max()
    error = km.nearest_chain(F, km.butterfly_patterns(256)).relative_error
    print(f"{name}: largest second singular value of a slice {second:.1e}, relative error {error:.1e}")

# %% [markdown]
# ## Where to read more
#
# - T. Dao, B. Chen, N. Sohoni et al., *Monarch: Expressive Structured Matrices for Efficient and Accurate Training*, ICML 2022,
#   arXiv:2204.00595.
# - Q.-T. Le, L. Zheng, E. Riccietti and R. Gribonval, *Butterfly factorization with error guarantees*, 2024, arXiv:2411.04506.
# - J. W. Cooley and J. W. Tukey, *An algorithm for the machine calculation of complex Fourier series*, Mathematics of Computation
#   19 (1965).
#
# Next: [finding the factors back](04_finding_factors.ipynb).

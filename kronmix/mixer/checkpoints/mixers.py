"""What a Mixer of images is made of, as arrays in one layout.

Token weights act from the left on S × C matrices, channel weights from the right, the patch embedding on patches with pixels in the
order (row, column, colour).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...files import Array

#: A weight and its bias, None where there is none.
Affine = tuple[Array, Array | None]
#: Scale and shift of a norm.
Norm = tuple[Array, Array]


@dataclass(frozen=True)
class MixerBlock:
    """One block, as arrays.

    Attributes
    ----------
    norm1, norm2 : (scale, shift), arrays of shape (C,)
    token : tuple of (weight, bias)
        X ↦ W X + b 1ᵀ in the order they are applied, activations between them; weights (rows, S) first.
    channel : tuple of (weight, bias)
        X ↦ X V + 1 bᵀ; weights (C, columns) first.
    scales : two arrays of shape (C,), or None
        ResMLP's layer scales, after the token and after the channel step.
    gated : bool
        Whether the two halves u, v of each hidden layer are multiplied, u ∘ SiLU(v), in place of an activation (gMixer).
    """

    norm1: Norm
    token: tuple[Affine, ...]
    norm2: Norm
    channel: tuple[Affine, ...]
    scales: tuple[Array, Array] | None = None
    gated: bool = False


@dataclass(frozen=True)
class SpatialGatingBlock:
    """One block of a gMLP: X ↦ X + (u ∘ (W LN(v) + b 1ᵀ)) V₂ + 1 b₂ᵀ with (u, v) the halves of φ(LN(X) V₁ + 1 b₁ᵀ).

    Attributes
    ----------
    norm : (scale, shift), arrays of shape (C,)
    channel : tuple of (weight, bias)
        V₁ of shape (C, D) and V₂ of shape (D/2, C).
    gate_norm : (scale, shift), arrays of shape (D/2,)
        With ε = 1e-5.
    token : (weight, bias)
        W of shape (S, S).
    """

    norm: Norm
    channel: tuple[Affine, Affine]
    gate_norm: Norm
    token: Affine


@dataclass(frozen=True)
class MixerCheckpoint:
    """A trained Mixer, as arrays.

    Attributes
    ----------
    family : {"MLP-Mixer", "ResMLP", "gMixer", "gMLP"}
    activation : {"gelu", "gelu_tanh"}
        timm's files run with the exact GELU, the JAX files with the tanh form.
    normalized : bool
        Whether norms take statistics over channels (layer norm) or are plain affine maps (ResMLP).
    patch : int
    embedding : (weight, bias)
        Weight of shape (patch·patch·colours, C).
    blocks : tuple of MixerBlock or SpatialGatingBlock
    norm : (scale, shift)
    head : (weight, bias) or None
        Weight of shape (C, classes).
    epsilon : float
        ε of the layer norms.
    stem_norm : (scale, shift) or None
        Of the norm after the patch embedding.
    pooled : bool
        Whether tokens are averaged before the head; if not, the head acts on each.
    size : (height, width) or None
        Of the images, where the file's configuration says so.
    pixel_range : (low, high) or None
        What normalised pixels lie between, where the configuration says so.
    ignored : mapping of name to reason
        Arrays of the file that no output depends on.
    """

    family: str
    activation: str
    normalized: bool
    patch: int
    embedding: Affine
    blocks: tuple[MixerBlock | SpatialGatingBlock, ...]
    norm: Norm
    head: Affine | None
    epsilon: float = 1e-6
    stem_norm: Norm | None = None
    pooled: bool = True
    size: tuple[int, int] | None = None
    pixel_range: tuple[float, float] | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """S."""
        block = self.blocks[0]
        return (block.token[0][0] if isinstance(block, MixerBlock) else block.token[0]).shape[1]

    @property
    def channels(self) -> int:
        """C."""
        return self.embedding[0].shape[1]

    @property
    def colours(self) -> int:
        """Numbers a pixel has."""
        return self.embedding[0].shape[0] // self.patch**2

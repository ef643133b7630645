"""To PyTorch and back."""

from __future__ import annotations

from typing import Any

from ..extras import needed


def to_torch(structure: Any) -> Any:
    """Make a PyTorch module whose forward pass and gradients are those of an operator or a network.

    Parameters
    ----------
    structure : StructuredOperator, Network, or a Part of one
        Any operator; those without a form in PyTorch are computed by their own kernels on the CPU. A network takes images
        (N, H, W, colours), features (N, S, C) or rows (N, width), as it does here.

    Returns
    -------
    torch.nn.Module
        Acts on the last axis: x of shape (…, columns) becomes (…, rows). Its parameters are the factors, with their shapes and
        dtypes, shared values stored once; what is not trained is a constant.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> layer = km.interop.to_torch(km.Monarch(np.ones((4, 2, 3)), np.ones((3, 4, 5))))  # doctest: +SKIP
    >>> layer(torch.ones(7, 15, dtype=torch.float64)).shape  # doctest: +SKIP
    torch.Size([7, 8])
    """
    with needed("to_torch"):
        from .torch_modules import module_of

    return module_of(structure)


def from_torch(module: Any) -> Any:
    """Give the operator or network of a module that ``to_torch`` made, with the values its parameters have now.

    Parameters
    ----------
    module : torch.nn.Module
        From ``to_torch``, or a ``torch.nn.Linear``.

    Returns
    -------
    StructuredOperator, Network or Part
        Of the structure that the module was made of. ``torch.nn.Linear`` becomes ``Dense``, or ``networks.Linear`` if it has a
        bias.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError
        If it is another module.

    Examples
    --------
    >>> op = km.Kronecker(np.eye(2), np.ones((3, 3)))
    >>> km.interop.from_torch(km.interop.to_torch(op))  # doctest: +SKIP
    Kronecker(6×6, 2×2 ⊗ 3×3, 13 parameters)
    """
    with needed("from_torch"):
        import torch

        from .torch_modules import StructuredModule

    if isinstance(module, StructuredModule):
        return module.rebuilt()
    if not isinstance(module, torch.nn.Linear):
        raise TypeError(f"{type(module).__name__} is no module that to_torch made, and no torch.nn.Linear")
    from ..networks import Linear
    from ..operators import Dense

    weight, bias = module.weight.detach().cpu().numpy().copy(), module.bias
    if bias is None:
        return Dense(weight)
    return Linear(Dense(weight), bias.detach().cpu().numpy().copy().reshape(1, -1, 1))

"""Make the README's figure: ``make figures``. The same seed gives the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kronmix as km
from kronmix.regularization.restoration import restore, standard_structures

FOLDER = Path(__file__).parent / "figures"


def effective_weight(path: Path) -> None:
    """A Mixer trained to restore digits: its effective weight, the two layers whose product it is, and its spectrum."""
    X, _ = km.datasets.digits()
    mixer = next(s for s in standard_structures() if s.name == "Mixer")
    result = restore(X, seeds=1, structures=(mixer,))
    V_T, W = result.first("Mixer").factors
    S, C = W.shape[0], V_T.shape[0]
    effective = km.Kronecker(V_T, W)
    with km.plotting.house_style():
        figure = Figure(figsize=(11, 3.1), layout="constrained")
        axes = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.15])
        layers = [("effective weight Vᵀ ⊗ W", effective), ("channel mixing Vᵀ ⊗ I", km.channel_mixing(V_T.T, tokens=S))]
        layers.append(("token mixing I ⊗ W", km.token_mixing(W, channels=C)))
        km.plotting.plot_layers([(title, op.to_dense()) for title, op in layers], list(axes[:3]), blocks=(S, S))
        dense = np.linalg.svd(effective.to_dense(), compute_uv=False)
        km.plotting.plot_singular_values(km.singular_values(effective), dense, ax=axes[3])
        axes[3].set_title("singular values", loc="left")
        figure.savefig(path, dpi=110)


def main() -> None:
    """Write every figure."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / "effective-weight.png"
    effective_weight(target)
    print(f"written {target.relative_to(FOLDER.parent.parent)}")


if __name__ == "__main__":
    main()

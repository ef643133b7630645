"""The verdicts as a LaTeX document that pdflatex compiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .claims import EVIDENCE

if TYPE_CHECKING:
    from .verification import Row

__all__ = ["document", "escape", "power"]

_PREAMBLE = r"""\documentclass[a4paper,11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\sloppy
\begin{document}
"""

#: Unicode that the prose of the statements uses, as LaTeX.
_SYMBOLS = {
    "⊗": r"$\otimes$", "∘": r"$\circ$", "ℓ": r"$\ell$", "ᵀ": r"$^{\top}$", "ₚ": r"$_p$", "‖": r"$\|$", "≤": r"$\le$",
    "≥": r"$\ge$", "≠": r"$\ne$", "≈": r"$\approx$", "→": r"$\to$", "↦": r"$\mapsto$", "∞": r"$\infty$", "·": r"$\cdot$",
    "×": r"$\times$", "√": r"$\surd$", "Σ": r"$\Sigma$", "Π": r"$\Pi$", "∏": r"$\prod$", "Ω": r"$\Omega$", "Φ": r"$\Phi$",
    "Δ": r"$\Delta$", "∇": r"$\nabla$", "∂": r"$\partial$", "⟨": r"$\langle$", "⟩": r"$\rangle$", "𝓡": r"$\mathcal{R}$",
    "∝": r"$\propto$", "∈": r"$\in$", "⋯": r"$\cdots$", "…": r"\dots{}", "−": r"$-$", "½": r"$\tfrac12$", "′": r"$'$",
    "∫": r"$\int$", "ƒ": r"$f$", "∧": r"$\wedge$", "≡": r"$\equiv$", "±": r"$\pm$", "⁺": r"$^{+}$", "⁻": r"$^{-}$",
    "–": "--", "—": "---", "’": "'", "“": "``", "”": "''", "Λ": r"$\Lambda$", "Γ": r"$\Gamma$",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "δ": r"$\delta$", "ε": r"$\varepsilon$", "η": r"$\eta$",
    "θ": r"$\theta$", "κ": r"$\kappa$", "λ": r"$\lambda$", "μ": r"$\mu$", "π": r"$\pi$", "ρ": r"$\rho$", "σ": r"$\sigma$",
    "τ": r"$\tau$", "ν": r"$\nu$", "ξ": r"$\xi$", "χ": r"$\chi$", "φ": r"$\varphi$", "ψ": r"$\psi$", "ω": r"$\omega$",
    "₀": r"$_0$", "₁": r"$_1$", "₂": r"$_2$", "₃": r"$_3$", "⁰": r"$^0$", "¹": r"$^1$", "²": r"$^2$", "³": r"$^3$",
    "⁴": r"$^4$", "⁵": r"$^5$", "⁶": r"$^6$", "⁷": r"$^7$", "⁸": r"$^8$", "⁹": r"$^9$",
    "⊕": r"$\oplus$", "₊": r"$_+$", "₋": r"$_-$", "ₙ": r"$_n$", "ᵢ": r"$_i$", "ⱼ": r"$_j$", "̄": "", "̂": "",
}  # fmt: skip
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
}  # fmt: skip


def escape(text: str) -> str:
    """Plain text as LaTeX; a character without a known form becomes a question mark.

    Examples
    --------
    >>> from kronmix.symbolic.latex import escape
    >>> print(escape("Vᵀ ⊗ W & 50 %"))
    V$^{\\top}$ $\\otimes$ W \\& 50 \\%
    """
    return "".join(_latex_character(c) for c in text)


def _latex_character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c in _SYMBOLS:
        return _SYMBOLS[c]
    return c if c.isascii() or (c.isalpha() and ord(c) < 0x180) else "?"


def document(rows: Iterable[Row], holds: bool) -> str:
    """A whole document: one paragraph an entry, with its statement, how it is known, and its mutants."""
    verdict = "Every statement below holds." if holds else r"\textbf{Some statements below do not hold.}"
    kinds = "\n".join(rf"\item[{kind}] {escape(meaning)}" for kind, meaning in EVIDENCE.items())
    parts = [
        _PREAMBLE,
        r"\section*{Statements and verdicts}",
        verdict + " Kinds of evidence:",
        rf"\begin{{description}}{chr(10)}{kinds}{chr(10)}\end{{description}}",
    ]
    number = None
    for row in rows:
        if row.number != number:
            parts.append(rf"\subsection*{{{row.number}}}")
            number = row.number
        parts.append(_latex_entry(row))
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def _latex_entry(row: Row) -> str:
    lines = [
        rf"\textbf{{{escape(row.name)}.}} {escape(row.statement)} ({escape(row.source)})",
        rf"\[ {row.latex} \]",
        ("Holds" if row.holds else r"\textbf{Fails}")
        + f"; {row.evidence}: {escape(row.sizes)}."
        + (f" {escape(row.detail)}." if row.detail else "")
        + (rf" Error probability below ${power(row.error_probability)}$." if row.error_probability else ""),
    ]
    if row.mutants:
        rejected = [name for name in row.mutants if name not in row.accepted]
        lines.append("False neighbours rejected: " + escape("; ".join(rejected) or "none") + ".")
    if row.accepted:
        lines.append(r"\textbf{False neighbours accepted: " + escape("; ".join(row.accepted)) + ".}")
    if row.counterexample:
        lines.append("Counterexample: " + escape(", ".join(f"{k} = {v}" for k, v in row.counterexample.items())) + ".")
    return "\n\n".join(lines)


def power(probability: float) -> str:
    """A small number with its power of ten, as LaTeX."""
    mantissa, exponent = f"{probability:.1e}".split("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}"

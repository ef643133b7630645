"""The commands, as a user runs them: good files, and files that are not what they seem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.cli import main

TINY = ("--seeds", "1", "--steps", "2", "--no-proofs")


def run(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "kronmix", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(km.__file__).parents[1]),
            "COLUMNS": "100",
            "PYTHONIOENCODING": "utf-8",
        },
    )


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The same in this process, for the many wrong inputs."""
    old, sys.argv = sys.argv, ["kronmix", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "weights.npz", W=rng.normal(size=(4, 4)), V=rng.normal(size=(3, 3)))
    return tmp_path / "weights.npz"


@pytest.mark.slow
def test_report_writes_page_results_and_arrays_and_nothing_else(tmp_path: Path) -> None:
    done = run("report", "--out", tmp_path / "deep" / "out", *TINY)
    assert (done.returncode, done.stderr) == (0, "")  # no progress bar where there is no terminal
    assert sorted(f.name for f in (tmp_path / "deep" / "out").iterdir()) == ["arrays.npz", "index.html", "results.json"]
    assert done.stdout.splitlines()[-1] == str(tmp_path / "deep" / "out" / "index.html")
    assert "two-block Mixer" in done.stdout
    results = json.loads((tmp_path / "deep" / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["restoration"]["settings"]["steps"] == 2


@pytest.mark.slow
def test_report_on_a_user_s_images_and_quietly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", X=rng.integers(0, 256, (30, 4, 6, 3)).astype(np.uint8), y=np.arange(30))
    out = tmp_path / "out"
    code, printed, errors = call(
        capsys, "report", "--images", tmp_path / "mine.npz", "--patch", 2, "-q", "--out", out, *TINY
    )
    assert (code, printed, errors) == (0, f"{out / 'index.html'}\n", "")
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert (results["mixer"]["tokens"], results["mixer"]["channels"]) == (6, 12)


@pytest.mark.slow
def test_report_on_weights_skips_training(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = call(capsys, "report", "--weights", weights, "--no-proofs", "--out", tmp_path / "out")
    assert code == 0
    assert "token" in printed
    assert "restoration" not in json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_report_proves_what_it_rests_on(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import kronmix.symbolic

    one = km.verify("T4")
    monkeypatch.setattr(kronmix.symbolic, "verify", lambda progress: one)
    monkeypatch.setattr("kronmix.cli.report.beside", nullcontext)  # in this process
    code, _, _ = call(capsys, "report", "--weights", weights, "-q", "--out", tmp_path / "out")
    assert code == 0
    assert "T4 effective weight" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [row["evidence"] for row in record["proofs"]["rows"]] == ["all sizes", "at sizes", "modulo primes at sizes"]
    monkeypatch.setitem(sys.modules, "kronmix.symbolic", None)
    code, _, errors = call(capsys, "report", "--weights", weights, "-q", "--out", tmp_path / "plain")
    assert code == 0
    assert "no section of proofs" in errors
    assert "T4 effective weight" not in (tmp_path / "plain" / "index.html").read_text(encoding="utf-8")


def test_inspect_prints_the_wide_mlp(weights: Path) -> None:
    done = run("inspect", weights)
    assert done.returncode == 0
    for words in ("4 tokens × 3 channels: width 12 → 12", "I₃ ⊗ W", "25 of 144", "Monarch"):
        assert words in done.stdout


@pytest.mark.parametrize("name", ["small.safetensors", "small.npz"])
def test_inspect_prints_a_trained_mixer(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / name
    km.mixer.write_synthetic_checkpoint(file, image=16, patch=4, channels=12, depth=2, classes=5)
    code, printed, errors = call(capsys, "inspect", file, "--plot", tmp_path / "spectra.png")
    assert (code, errors) == (0, "")
    assert "effective width 192" in printed
    assert "192→72" in printed  # token 1: 12 channels × 6 hidden tokens
    assert printed.count("channel 2") == 2
    assert "I + W₂W₁" in printed
    assert "…" not in printed
    assert (tmp_path / "spectra.png").read_bytes()[:4] == b"\x89PNG"


def test_inspect_refuses_what_is_no_mixer(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "other.npz", X=np.ones((2, 2)))
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    for file, words in (("other.npz", "not a Mixer checkpoint"), ("bad.safetensors", "not a safetensors file")):
        code, _, errors = call(capsys, "inspect", tmp_path / file)
        assert code == 2
        assert words in errors
    code, _, errors = call(capsys, "inspect", weights, "--plot", tmp_path / "x.png")
    assert code == 2
    assert "--plot goes with a trained Mixer" in errors


@pytest.mark.parametrize(
    ("options", "build"),
    [
        (
            ("--structure", "kronecker", "--shape", "4x2,3x4"),
            lambda f: km.SumOfKroneckers(list(zip(f[::2], f[1::2], strict=True))),
        ),
        (("--structure", "monarch", "--shape", "4,2,3,4"), lambda f: km.Monarch(*f)),
        (("--structure", "monarch", "--shape", "3,2,4,4", "--rank", "2"), lambda f: km.Monarch(*f)),
    ],
)
def test_factor_writes_factors_that_multiply_to_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], build: object
) -> None:
    B = np.kron(np.arange(8.0).reshape(4, 2), np.random.default_rng(0).normal(size=(3, 4)))
    np.savetxt(tmp_path / "B.csv", B, delimiter=",")
    code, printed, errors = call(capsys, "factor", tmp_path / "B.csv", *options, "--out", tmp_path)
    assert (code, errors) == (0, "")
    assert "relative error" in printed
    with np.load(tmp_path / "B.factors.npz") as stored:
        factors = [stored[f"factor_{i}"] for i in range(len(stored.files))]
    relative = np.linalg.norm(build(factors).to_dense() - B) / np.linalg.norm(B)  # type: ignore[operator]
    assert (relative < 1e-12) == (options[3] != "3,2,4,4")


def test_factor_finds_the_hadamard_butterfly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    H = np.array([[1.0]])
    for _ in range(4):
        H = np.kron(H, [[1, 1], [1, -1]])
    np.save(tmp_path / "H.npy", H)
    out = tmp_path / "f.npz"
    assert call(capsys, "factor", tmp_path / "H.npy", "--structure", "butterfly", "--out", out)[0] == 0
    with np.load(out) as stored:
        assert sum(stored[name].size for name in stored.files) == 4 * 2 * 16


def bad_file(folder: Path, name: str) -> Path:
    rng = np.random.default_rng(0)
    W, V = rng.normal(size=(4, 4)), rng.normal(size=(3, 3))
    path = folder / f"{name}.npz"
    contents = {
        "nan": {"W": np.where(np.eye(4) > 0, np.nan, W), "V": V},
        "pickled": {"W": np.array([[{}]], dtype=object), "V": V},
        "text": {"W": np.array([["a"]]), "V": V},
        "no_V": {"W": W},
        "vector": {"W": W[0], "V": V},
        "zero": {"W": 0 * W, "V": V},
        "truncated": {"W": W, "V": V},
    }
    np.savez(path, **contents[name])
    if name == "truncated":
        path.write_bytes(path.read_bytes()[:-150])
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan", "array 'W' has 4 NaN or infinite entries, the first at index (0, 0)"),
        ("pickled", "holds pickled Python objects, which are never loaded"),
        ("text", "array 'W' has dtype <U1, expected numbers"),
        ("no_V", "no array 'V', it holds W"),
        ("vector", "array 'W' has shape (4,), expected 2 axes"),
        ("zero", "W is zero everywhere"),
        ("truncated", "not a whole .npz archive"),
    ],
)
@pytest.mark.parametrize("verb", ["inspect", "report"])
def test_bad_weights_end_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, name: str, words: str
) -> None:
    file, out = bad_file(tmp_path, name), tmp_path / "out"
    arguments = ("inspect", file) if verb == "inspect" else ("report", "--weights", file, "--out", out)
    code, printed, errors = call(capsys, *arguments)
    assert (code, printed) == (2, "")
    assert errors.startswith("kronmix: ")
    assert words in errors
    assert errors.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inspect", "none.npz"), "none.npz: No such file or directory"),
        (("inspect", "B.doc"), "unknown file type '.doc'"),
        (
            ("factor", "B.npy", "--structure", "monarch"),
            "--shape is missing: a Monarch matrix needs four sizes p,k,q,s",
        ),
        (
            ("factor", "B.npy", "--structure", "monarch", "--shape", "2,2,x,2"),
            "--shape 2,2,x,2: a Monarch matrix needs four sizes",
        ),
        (("factor", "B.npy", "--structure", "monarch", "--shape", "2,2,5,2"), "2"),
        (("factor", "B.npy", "--structure", "kronecker", "--shape", "2x2"), "needs the sizes of its two factors"),
        (("factor", "B.npy", "--structure", "kronecker", "--shape", "2x2,3x3"), "3"),
        (("factor", "B.npy", "--structure", "butterfly", "--shape", "2"), "takes neither --shape nor --rank"),
        (("factor", "R.npy", "--structure", "butterfly"), "the matrix is 2×3: a butterfly needs a square one"),
        (
            ("factor", "B.npy", "--structure", "butterfly", "--out", "f.txt"),
            "expected a folder, or a name ending in .npz",
        ),
        (("report", "--images", "B.npy", "--weights", "B.npy"), "--images and --weights exclude each other"),
        (("report", "--noise", "-1"), "noise=-1.0: expected a standard deviation"),
        (("report", "--train", "1797"), "train=1797: expected 2 to 1796"),
        (("report", "--patch", "3"), "patch=3: expected a divisor"),
        (("report", "--rank", "0"), "rank=0: expected at least 1"),
        (("report", "--seeds", "0"), "seeds=0: expected at least 1"),
        (("report", "--out", "B.npy"), "folder B.npy cannot be written: B.npy is a file"),
        (("report", "--out", "B.npy/sub"), "folder B.npy/sub cannot be written: B.npy is a file"),
        (("report", "--noise", "1e300"), "noise=1e+300: expected at most 1000"),
        (("report", "--rank", "9999999"), "rank=9999999: expected at most 64"),
        (("report", "--data", "B.npy", "--patch", "2"), "--patch goes with images: B.npy holds matrices"),
        (("report", "--data", "y.csv"), "output 0 (y) is constant"),
        (("verify", "--latex", "B.npy/v.tex"), "folder B.npy cannot be written: B.npy is a file"),
        (("verify", "--identity", "A == A", "--shapes", "A=n,n", "--theorem", "T4"), "--theorem is about theorems"),
        (("verify", "--identity", "A == A", "--shapes", "A=n,n", "--size", "3,4"), "--size is about theorems"),
    ],
)
def test_bad_arguments_end_in_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("B.npy", np.eye(4))
    np.save("R.npy", np.ones((2, 3)))
    Path("B.doc").write_bytes(b"none of ours")
    np.savetxt("y.csv", np.column_stack([np.arange(12.0), np.arange(12.0) ** 2, np.ones(12)]), delimiter=",")
    before = sorted(p.name for p in tmp_path.iterdir())
    code, printed, errors = call(capsys, *arguments)
    assert (code, printed) == (2, "")
    assert words in errors
    assert errors.startswith("kronmix: ")
    assert errors.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_unknown_options_and_structures_exit_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = call(capsys, "factor", "x.npy", "--structure", "circulant")
    assert code == 2
    assert "circulant" in errors


def test_a_pickle_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trap.npy").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    code, printed, _ = call(capsys, "factor", "trap.npy", "--structure", "butterfly")
    assert (code, printed) == (2, "")
    assert [f.name for f in tmp_path.iterdir()] == ["trap.npy"]


def test_help_teaches_with_examples_and_version_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for verb in ("report", "inspect", "factor"):
        assert f"kronmix {verb} " in " ".join(call(capsys, verb, "--help")[1].replace("│", "").split())
    assert run("--version").stdout.startswith("kronmix ")


def test_interrupt_says_so_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kronmix.report.study_images", stop)
    code, _, errors = call(capsys, "report", "--out", tmp_path / "out")
    assert (code, errors) == (130, "kronmix: interrupted, nothing was written\n")
    assert not (tmp_path / "out").exists()


def test_verify_prints_verdicts_and_writes_latex(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = call(capsys, "verify", "--theorem", "T3", "--latex", tmp_path / "verdicts.tex")
    assert code == 0
    assert printed.count("holds") == 4  # two statements, each for all sizes and modulo a prime
    assert "\\begin{document}" in (tmp_path / "verdicts.tex").read_text(encoding="utf-8")
    code, printed, _ = call(capsys, "verify", "--theorem", "T6", "--json")
    assert json.loads(printed)["rows"][0]["evidence"] == "all sizes"


def test_verify_exits_1_when_a_false_neighbour_is_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kronmix.symbolic import registry
    from kronmix.symbolic.claims import Claim, Mutant, Proof

    gullible = Claim("T1", "x", "x", "x", "x", "at sizes", lambda: Proof("any"), (Mutant("y", lambda: Proof("any")),))
    monkeypatch.setattr(registry, "all_claims", lambda: (gullible,))
    code, printed, _ = call(capsys, "verify")
    assert code == 1
    assert "FAILS" in printed


def test_verify_at_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = call(capsys, "verify", "--theorem", "T4", "--size", "12,34", "--json")
    assert code == 0
    rows = json.loads(printed)["rows"]
    assert [row["evidence"] for row in rows] == ["all sizes", "at sizes", "modulo primes at sizes"]
    assert rows[2]["sizes"] == "S = 12, C = 34"
    assert 0 < rows[2]["error_probability"] < 1e-15
    code, _, errors = call(capsys, "verify", "--size", "12x34")
    assert (code, errors) == (2, "kronmix: --size 12x34: expected tokens and channels, as 196,768\n")


def test_verify_an_identity_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    shapes = ("--shapes", "W=S,S X=S,C V=C,C")
    code, printed, _ = call(capsys, "verify", "--identity", "vec(W @ X @ V) == kron(V.T, W) @ vec(X)", *shapes)
    assert code == 0
    assert "holds for all sizes (all sizes + at sizes + modulo primes at sizes)" in printed
    code, printed, _ = call(
        capsys, "verify", "--identity", "vec(W @ X @ V) == kron(V, W) @ vec(X)", *shapes, "--at", "S=5,C=6", "--json"
    )
    assert code == 1
    assert json.loads(printed)["counterexample"]["sizes"] == {"C": 2, "S": 1}


def test_verify_under_hypotheses_and_writes_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = ("--identity", "seed @ K == (K @ seed.T).T + 0 * c * seed", "--shapes", "K=n,n seed=1,n c=")
    code, printed, _ = call(
        capsys, "verify", *question, "--assume", "K symmetric", "--markdown", "--latex", tmp_path / "verdict.tex"
    )
    assert code == 0
    assert "**Holds for all sizes**" in printed
    assert "K symmetric is needed (without it: n = 2" in printed
    assert "Holds for all sizes" in (tmp_path / "verdict.tex").read_text(encoding="utf-8")
    code, printed, _ = call(capsys, "verify", *question)
    assert code == 1
    assert printed.splitlines()[1].startswith("refuted: n = 2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--identity", "A == A"), "--identity and --shapes go together"),
        (("--shapes", "A=m,n"), "--identity and --shapes go together"),
        (("--at", "S=3"), "--at goes with --identity"),
        (("--identity", "A.__class__ == A", "--shapes", "A=m,n"), "'.__class__' is not allowed"),
        (("--identity", "A == A", "--shapes", "A=m,n", "--at", "m=3"), "expected a value for each of the sizes m, n"),
        (("--assume", "A symmetric"), "--assume goes with --identity"),
        (("--markdown",), "--markdown goes with --identity"),
        (("--identity", "A == A", "--shapes", "A=m,n", "--assume", "A symmetric"), "expected a square matrix"),
        (("--identity", "A / 2 == A", "--shapes", "A=m,n"), "write 0.5 * X"),
        (("--identity", "A' == A", "--shapes", "A=m,n"), "a transpose is written A.T"),
        (("--identity", "A @ A == A", "--shapes", "A=m,n"), "do not fit"),
    ],
)
def test_verify_refuses_bad_identities(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, errors = call(capsys, "verify", *arguments)
    assert code == 2
    assert words in errors
    assert errors.count("\n") == 1


def test_verify_refuses_an_unknown_theorem(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = call(capsys, "verify", "--theorem", "T99")
    assert (code, errors) == (2, "kronmix: theorem T99: expected T1 to T37\n")


# ---- path ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_path_on_diabetes_is_the_lasso(tmp_path: Path) -> None:
    done = run("path", "--out", tmp_path / "out", "--parameters", "0.3,0.1,0.03", "--film")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["path.html", "path.npz", "path.png"]
    with np.load(tmp_path / "out" / "path.npz") as arrays:
        assert arrays["weights"].shape == (3, 1, 10)
        assert arrays["distance"].max() < 1e-6
    assert "442 × 10" in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--kind", "time", "--alpha", "1e-50", "--parameters", "0.3,0.1"),
        ("--structure", "dense", "--kind", "time", "--parameters", "1,10"),
        ("--structure", "monarch", "--parameters", "0.2"),
        ("--structure", "mixer", "--parameters", "0.5"),
        ("--structure", "kronecker", "--shape", "8x8,8x8", "--parameters", "0.5"),
        ("--structure", "sum", "--inner", "2", "--parameters", "0.8"),
        ("--structure", "product", "--parameters", "0.4"),
        ("--structure", "product", "--depth", "3", "--inner", "8", "--parameters", "0.8"),
        ("--structure", "hadamard", "--depth", "3", "--parameters", "0.1"),
        ("--structure", "rp-mixer", "--parameters", "0.8"),
        ("--structure", "tied-monarch", "--parameters", "0.8"),
    ],
    ids=lambda options: " ".join(options[:4]),
)
def test_path_of_every_structure(options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, errors = call(capsys, "path", "--out", tmp_path / "out", *options)
    assert (code, errors) == (0, "")
    assert printed.splitlines()[-1] == str(tmp_path / "out" / "path.png")
    assert (tmp_path / "out" / "path.png").read_bytes()[:4] == b"\x89PNG"


def test_path_of_a_user_s_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    y = X @ [3.0, 0.0, -2.0, 0.0] + 7
    np.savetxt(tmp_path / "mine.csv", np.column_stack([X, y]), delimiter=",")
    np.savez(tmp_path / "mine.npz", X=X, Y=np.column_stack([y, -y, X[:, 1], y + X[:, 3]]))
    common = ("--parameters", "0.1,0.01", "--force", "--out", tmp_path / "out")
    code, printed, _ = call(capsys, "path", "--data", tmp_path / "mine.csv", *common)
    assert code == 0
    assert "mine.csv" in printed
    code, _, _ = call(
        capsys, "path", "--data", tmp_path / "mine.npz", "--structure", "monarch", "--shape", "2,2,2,2", *common
    )
    assert code == 0
    with np.load(tmp_path / "out" / "path.npz") as arrays:
        assert arrays["weights"].shape == (2, 4, 4)


def test_path_npz_says_everything_needed_to_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CASES 23: names reach file, table and picture; a header, semicolons and decimal commas are read."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3)) * [1.0, 50.0, 0.1] + [3.0, 0.0, 1.0]
    y = X @ [2.0, 0.1, 0.0] - 4
    rows = [";".join(f"{value:.12f}".replace(".", ",") for value in row) for row in np.column_stack([X, y])]
    (tmp_path / "mine.csv").write_text("\n".join(["age;weight;dose;outcome", *rows]), encoding="utf-8")
    out = tmp_path / "out"
    code, printed, errors = call(
        capsys, "path", "--data", tmp_path / "mine.csv", "--parameters", "0.1,0.000001", "--seed", 3, "--out", out
    )
    assert (code, errors) == (0, "")
    assert all(word in printed for word in ("decay", "λ", "age", "dose"))
    assert printed.splitlines()[-3].startswith("certified")
    assert "standardised" in printed
    with np.load(out / "path.npz", allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        np.testing.assert_allclose(X @ arrays["coef"][1, 0] + arrays["intercept"][1, 0], y, atol=1e-3)
        assert (arrays["lower_bound"] <= arrays["objective"] * (1 + 1e-12)).all()
        assert {"means", "scales", "output_means", "output_scales", "kinks", "lower_bound"} <= set(arrays.files)
    assert about["features"] == ["age", "weight", "dose"]
    assert (about["seed"], about["reason"], about["parameter"]) == (3, "done", "weight decay λ")
    assert "Hadamard" in about["structure"]
    path = km.regularization.load_path(out / "path.npz")
    np.testing.assert_allclose(path.predict(X, at=1)[:, 0], y, atol=1e-3)


def test_path_of_several_outputs_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "mine.tsv", rng.normal(size=(20, 5)), delimiter="\t", header="a\tb\tc\td\te", comments="")
    common = (
        "path",
        "--data",
        tmp_path / "mine.tsv",
        "--structure",
        "product",
        "--parameters",
        "0.1",
        "--force",
        "--out",
        tmp_path / "o",
    )
    code, _, errors = call(capsys, *common, "--outputs", "b,4")
    assert (code, errors) == (0, "")
    path = km.regularization.load_path(tmp_path / "o" / "path.npz")
    assert path.scaling is not None
    assert (path.scaling.outputs, path.scaling.features) == (("b", "d"), ("a", "c", "e"))
    code, _, errors = call(capsys, *common, "--outputs", "z")
    assert (code, errors) == (2, "kronmix: no column 'z': expected one of a, b, c, d, e\n")


def test_an_interrupted_path_is_marked_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CASES 23: exit code 0 and two of eight points, without a word."""
    from kronmix.regularization.paths import decay

    best_fit, calls = decay.best_fit, []

    def stop(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return best_fit(*arguments)

    monkeypatch.setattr(decay, "best_fit", stop)
    common = ("path", "--parameters", "0.5,0.3,0.2,0.1", "--out", tmp_path)
    code, printed, errors = call(capsys, *common)
    assert code == 130
    assert errors == "kronmix: interrupted: 2 points were done; --resume goes on\n"
    assert "(interrupted)" in printed
    stored = km.regularization.load_path(tmp_path / "path.npz")
    assert (stored.reason, len(stored.parameter)) == ("interrupted", 2)
    code, printed, _ = call(capsys, *common, "--resume")
    assert (code, len(calls)) == (0, 5)  # two more points, none again
    assert "(interrupted)" not in printed
    whole = km.regularization.load_path(tmp_path / "path.npz")
    assert (whole.reason, len(whole.parameter)) == ("done", 4)
    code, _, errors = call(capsys, *common, "--resume", "--seed", 5)
    assert code == 2
    assert "made from other data or options (Decay(restarts=3, seed=0)" in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--parameters", "1,x"), "expected numbers, as 1,0.3,0.1"),
        (("--parameters", "-1"), "λ=-1"),
        (("--parameters", "nan"), "NaN"),
        (("--alpha", "0.1"), "--alpha goes with --kind time"),
        (("--kind", "time", "--alpha", "2"), "scale=2.0: expected 0 < α < 1"),
        (("--structure", "monarch", "--shape", "3,3,3,3"), "p·q = 64 and k·s = 64"),
        (("--structure", "kronecker", "--shape", "8x8"), "the sizes of two factors"),
        (("--structure", "dense", "--kind", "rank"), "no inner size"),
        (("--data", "nan.csv"), "nan.csv, line 2, column x2: the value is missing"),
        (("--data", "gap.csv"), "gap.csv, line 3, column dose: the value is missing"),
        (("--data", "word.csv"), "line 3, column dose: the value is 'many', expected a finite number"),
        (("--data", "ragged.csv"), "ragged.csv, line 2: 1 cells, expected 2 as in the first line"),
        (("--data", "twice.csv"), "the header names 'a' twice"),
        (("--data", "constant.csv"), "feature 1 (x2) is constant"),
        (("--outputs", "y"), "--outputs goes with --data"),
        (("--structure", "monarch", "--depth", "3"), "--depth goes with hadamard and product"),
        (
            ("--shape", "8x8,8x8"),
            "--shape goes with kronecker, sum, monarch, tied-monarch, mixer and rp-mixer, not hadamard",
        ),
        (("--structure", "product", "--rank", "99999999"), "--rank 99999999: expected at most 4096"),
        (("--resume",), "no path to go on with; leave --resume out"),
        (("--data", "row.csv"), "1 sample: expected at least 2"),
        (("--data", "one.csv"), "expected features and, last, y"),
        (("--data", "short.npz"), "expected (samples, features)"),
        (("--data", "missing.csv"), "missing.csv: No such file"),
    ],
)
def test_path_refuses_what_it_cannot_do(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 3))
    np.savetxt("nan.csv", np.where(np.arange(15).reshape(5, 3) == 4, np.nan, X), delimiter=",")
    np.savetxt("constant.csv", np.column_stack([X[:, 0], np.ones(5), X[:, 1]]), delimiter=",")
    np.savetxt("one.csv", X[:, :1], delimiter=",")
    np.savez("short.npz", X=X, y=np.ones(4))
    np.savetxt("row.csv", X[:1], delimiter=",")
    for name, text in {
        "gap.csv": "age,dose,y\n1,2,3\n4,,6\n",
        "word.csv": "age,dose,y\n1,2,3\n4,many,6\n",
        "ragged.csv": "1,2\n3\n",
        "twice.csv": "a,a\n1,2\n",
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    code, _, errors = call(capsys, "path", "--out", tmp_path / "out", *options)
    assert code == 2
    assert words in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_train_saves_what_inspect_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    code, printed, _ = call(
        capsys, "train", "--model", "s-mixer", "--depth", 1, "--epochs", 2, "--out", out, "--rate", "0.01"
    )
    assert code == 0
    assert "held-out images" in printed
    assert sorted(f.name for f in out.iterdir()) == ["curve.png", "results.json", "run.npz"]
    record = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert len(record["history"]) == 2
    assert f"{100 * record['test_accuracy']:.1f} %" in printed
    assert km.load_mixer(out / "run.npz").name == "s_mixer"
    code, printed, errors = call(capsys, "inspect", out / "run.npz")
    assert (code, errors) == (0, "")
    assert "8 tokens × 8 channels" in printed


def test_train_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("train", "--model", "mlp", "--width", 8, "--depth", 1, "--epochs", 4)
    call(capsys, *options, "--out", tmp_path / "whole")

    def stop(self: Any, epoch: Any, epochs: int) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(km.networks.ProgressLine, "__call__", stop)
        code, printed, _ = call(capsys, *options, "--out", tmp_path / "parts")
    assert code == 0
    assert "stopped after 2 of 4 epochs" in printed
    code, _, _ = call(capsys, *options, "--out", tmp_path / "parts", "--resume")
    assert code == 0
    whole, parts = (km.networks.read_run(tmp_path / name / "run.npz") for name in ("whole", "parts"))
    assert whole.history == parts.history
    for a, b in zip(whole.network.factors, parts.network.factors, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "nothing"), "no such file; data is digits, mnist"),
        (("--patch", "3"), "patch=3: expected a divisor"),
        (("--resume",), "no stopped run to go on with"),
        (("--held-out", "1"), "held_out=1"),
        (("--model", "sparse-mlp", "--density", "2"), "density p=2"),
        (("--rate", "1e30", "--epochs", "2", "--weight-decay", "0"), "take a smaller one"),
        (("--rate", "inf"), "rate=inf: expected a positive number"),
        (("--held-out", "nan"), "held_out=nan: expected a share between 0 and 1"),
        (("--expansion", "nan"), "expansion=nan: expected a positive number"),
        (("--patch", "0"), "patch=0: expected a divisor"),
        (("--weight-decay", "1e9"), "weights would grow with every step"),
        (("--model", "mlp", "--width", "10000000"), "take a smaller network"),
        (("--width", "64"), "--width goes with mlp and sparse-mlp, not mlp-mixer"),
        (("--labels", "labels"), "labels go with an IDX file of images: digits has its own"),
        (("--data", "odd.npz"), "labels hold 0.5: expected classes, as whole numbers"),
    ],
)
def test_train_refuses_in_one_sentence(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("odd.npz", X=np.random.default_rng(0).uniform(size=(20, 4, 4)), y=np.arange(20) / 2)
    code, printed, errors = call(capsys, "train", "--quiet", "--out", tmp_path / "out", *options)
    assert (code, printed) == (2, "")
    assert words in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()

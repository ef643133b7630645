"""The page: whole, self-contained, honest about what was not done, and opened in a real browser where there is one."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

import kronmix as km
from kronmix.networks.runs import is_run
from kronmix.plotting import house_style
from kronmix.report import (
    SECTIONS,
    Findings,
    build_page,
    find_studies,
    study_images,
    study_matrices,
    study_network,
    study_table,
    study_weights,
    write_report,
)
from kronmix.report.attempts import Failure
from kronmix.report.findings import Made
from kronmix.report.page import LARGEST_SVG, Page, Section, Table, panel, placed_panel
from kronmix.report.weight_sections import effective_weight
from kronmix.report.words import percent
from tests.browser import assert_legible, look, needs_browser, open_page
from tests.report.test_photographs import restored

# Pages of whole findings; a small one is built in the examples of `kronmix.report`.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained() -> Findings:
    findings = study_images(km.datasets.digits()[0][..., None], "digits", seeds=2, steps=30)
    return replace(findings, proofs=km.verify(["T4", "T6"]))


@pytest.fixture(scope="module")
def given() -> Findings:
    rng = np.random.default_rng(0)
    return study_weights(rng.normal(size=(6, 4)), rng.normal(size=(3, 5)), "mine.npz")


@pytest.fixture(scope="module")
def page(trained: Findings) -> Page:
    return build_page(trained)


@pytest.fixture(scope="module")
def folder(trained: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    write_report(trained, path)
    return path


class Reader(HTMLParser):
    """Collects what a test wants to know of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag in ("svg", "img"):
            self.pictures.append(values)
        self.links += [str(v) for k, v in attrs if k in ("href", "src", "xlink:href")]
        if tag not in ("meta", "link", "img", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "link", "img", "br", "input"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """A run of our own, with a study beside it."""
    folder = tmp_path_factory.mktemp("network")
    pixels, y = km.datasets.load("digits")
    run = km.networks.classify(pixels[:200], y[:200], km.networks.Classifier(channels=8, depth=1), epochs=2)
    km.networks.save_run(folder / "run.npz", run)
    results = folder / "studies" / "width" / "quick"
    results.mkdir(parents=True)
    (results / "outcome.txt").write_text("Is wider better?\nsupported: by 0.1 [0.05, 0.15]\n", encoding="utf-8")
    (results / "table.csv").write_text("width,accuracy\n4,0.5\n", encoding="utf-8")
    canvas = Canvas(figsize=(2, 1))
    canvas.savefig(results / "figure.png")
    (folder / "studies" / "unfinished" / "quick").mkdir(parents=True)
    return replace(study_network(folder / "run.npz"), studies=find_studies(folder / "studies"))


@pytest.fixture(scope="module")
def table() -> Findings:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6))
    y = X[:, :1] - X[:, 1:2] + 0.1 * rng.normal(size=(60, 1))
    return study_table(X, y, "mine.csv", (tuple("abcdef"), ("dose",)), seeds=3, steps=100)


@pytest.fixture(scope="module")
def matrices(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    rng = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("any") / "model.npz"
    monarch = km.Monarch(rng.normal(size=(6, 6, 6)), rng.normal(size=(6, 6, 6))).to_dense()
    np.savez(file, random=rng.normal(size=(16, 36)), monarch=monarch, bias=np.ones(3))
    return study_matrices(file)


def test_the_verdict_on_a_table_is_computed(table: Findings, tmp_path: Path) -> None:
    found = table.comparison
    assert found is not None
    assert found.best is not None
    page = build_page(replace(table, made=Made("2026-01-02 03:04", "kronmix report --data mine.csv", (0, 1, 2))))
    assert page.verdict is not None
    assert page.verdict.table is not None
    words = " ".join(page.verdict.sentences)
    assert found.best.name in words
    for one in found.differences:
        mean = np.mean(np.subtract(one.baseline.errors, found.best.errors))
        assert one.interval.value == pytest.approx(mean)
        assert (one.verdict == "not separated") == (0 in one.interval)
        assert f"{percent(found.best.numbers / one.baseline.numbers)} of its numbers" in words
        (row,) = (row for row in page.verdict.table.rows if row[0] == one.baseline.name)
        difference = row[3].partition(" ± ")[0]  # one sign in the table and in the sentence
        assert one.verdict != "not separated" or f"(baseline minus structure {difference};" in words
    html = page.to_html()
    for said in (
        "2026-01-02 03:04",
        "kronmix report --data mine.csv",
        "seeds 0–2",
        'href="results.json"',
        "the lasso (T17)",
    ):
        assert said in html
    write_report(table, tmp_path)
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert record["comparison"]["best"] == found.best.name


def test_a_choice_that_is_not_the_lowest_on_held_out_data_says_so(table: Findings) -> None:
    found = table.comparison
    assert found is not None
    assert found.best is not None
    small = replace(found.best, name="other", errors=tuple(error / 2 for error in found.best.errors))
    chosen = replace(small, validation=tuple(error + 1 for error in found.best.validation))
    page = build_page(replace(table, comparison=replace(found, structures=(found.best, chosen))))
    assert page.verdict is not None
    assert f"other came out lower: {chosen.error.value:.4g}, with {chosen.numbers} numbers" in page.verdict.sentences[1]
    alone = build_page(replace(table, comparison=replace(found, structures=(found.best,)))).verdict
    assert alone is not None
    assert "came out lower" not in " ".join(alone.sentences)


def test_numbers_stored_are_whole_on_the_axis_too(table: Findings) -> None:
    found = table.comparison
    assert found is not None
    page = build_page(table)
    verdict = page.verdict
    assert verdict is not None, [one.explanation for one in page.sections]
    assert verdict.plot is not None
    ticks = re.findall(r"<text[^>]*>(\d+(?:\.\d+)?)</text>", verdict.plot.markup.partition(">numbers stored<")[0])
    assert str(found.dense.numbers) in ticks


def test_the_drift_is_told_as_it_was_measured(trained: Findings) -> None:
    found = trained.regularized
    assert found is not None
    for slope, divided in ((1.0, "by 2."), (1.41, "by 2.7.")):
        section = next(
            one
            for one in build_page(replace(trained, regularized=replace(found, slope=slope))).sections
            if one.name == "regularization"
        )
        assert section.figures[-1].caption.endswith(divided)
        assert f"its power {slope:.2f}" in section.explanation


def test_which_matrices_of_a_file_have_structure_is_told_from_chance(matrices: Findings) -> None:
    assert [one.name for one in matrices.matrices if one.is_monarch_like] == ["monarch"]
    page = build_page(matrices)
    assert page.verdict is not None
    assert page.verdict.sentences[0].endswith(
        "2 matrices. For 1 of 2 a structure loses no more than as many of the largest "
        "entries: monarch (Monarch (6, 6, 6, 6))."
    )
    assert page.verdict.sentences[1].startswith("1 of 2 has the structure of a Monarch matrix")
    assert page.verdict.sentences[2].startswith("The clearest is monarch: ")


def test_a_network_that_is_no_mixer_is_not_called_one(tmp_path: Path) -> None:
    pixels, y = km.datasets.load("digits")
    run = km.networks.classify(pixels[:100], y[:100], km.networks.Classifier("group_mixer", depth=1), epochs=1)
    km.networks.save_run(tmp_path / "run.npz", run)
    page = build_page(study_network(tmp_path / "run.npz"))
    assert page.title == "Which structure this network has"
    html = page.to_html()
    assert "token mixing" not in html
    assert "In 4 of 4 it is as near as" in html  # block-diagonal, exactly
    assert "in 1 epoch," in html


def test_a_part_that_fails_says_so_and_costs_nothing_else(table: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("cannot convert float infinity to integer")

    monkeypatch.setattr("kronmix.report.verdicts.of_comparison", broken)
    kept = replace(table, failures=(Failure("proofs", "TimeoutError"),))
    page = build_page(kept)
    assert [section.name for section in page.sections] == ["path", "failed-proofs", "failed-the-verdict"]
    html = page.to_html()
    assert "OverflowError: cannot convert float infinity to integer" in html
    assert "This part could not be made: TimeoutError." in html


def test_sliders_carry_their_data_and_stay_small(page: Page, trained: Findings) -> None:
    html = page.to_html()
    assert len(html.encode()) < 2_000_000
    sliders = re.findall(r'<script type="application/json">(.*?)</script>', html)
    assert len(sliders) == 3
    for data in map(json.loads, sliders):
        stops = len(data["words"])
        assert all(len(told) == stops for told in data["values"].values())
        assert len(data["places"]) == stops
        assert all(0 < place < 1 for place in data["places"])
        assert len(base64.b64decode(data["frames"])) == stops * data["rows"] * data["columns"]
    along = json.loads(sliders[0])
    last = np.frombuffer(base64.b64decode(along["frames"]), np.int8).reshape(-1, 64, 64)[-1]
    B = trained.mixer.effective.to_dense()
    frames = np.abs(B).max() / np.abs(last).max()
    assert np.abs(last * frames - B).max() < np.abs(B).max() / 60
    assert html.count('type="range"') == html.count("<label for=") == 3


def test_a_network_has_its_layers_spectra_training_and_studies(network: Findings, tmp_path: Path) -> None:
    page = build_page(network)
    assert [section.name for section in page.sections] == ["fronts", "layers", "spectra", "training", "studies"]
    html = page.to_html()
    assert "Is wider better? Supported: by 0.1 [0.05, 0.15]" in html
    assert "unfinished" not in html
    assert html.count("token 1") >= 2
    write_report(network, tmp_path)
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(record["network"]["layers"]) == 4
    assert len(record["history"]) == 2
    assert record["studies"]["width"]["outcome"].startswith("supported")
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["block_0/token_1/singular_values"].shape == (16,)


def test_every_section_has_words_and_every_figure_says_what_to_look_at(
    page: Page, given: Findings, network: Findings, table: Findings, matrices: Findings
) -> None:
    photographed = replace(Findings("photographs"), photographs=(restored(0.0),))
    pages = page, *map(build_page, (given, network, table, matrices, photographed))
    assert {section.name for one in pages for section in one.sections} == {
        draw.__name__.replace("_", "-") for draw, _ in SECTIONS
    }
    assert [len(one.sections) for one in pages] == [9, 6, 5, 1, 2, 1]
    for section in (section for one in pages for section in one.sections):
        assert len(section.explanation) > 100
        assert section.figures or section.tables
        assert all(len(figure.caption) > 40 for figure in section.figures)
        assert section.folded or all(len(figure.title) > 10 for figure in section.figures[1:])


def test_proofs_are_shown_with_their_evidence_and_failures_are_not_hidden(page: Page, trained: Findings) -> None:
    (table,) = page.sections[-1].tables
    assert trained.proofs is not None
    first = trained.proofs.statements[0]
    effective, *others = table.rows
    assert effective[0] == "T4 effective weight"
    assert effective[2] == "all sizes, at sizes, modulo primes at sizes"
    mutants = sum(len(row.mutants) for row in first)
    assert effective[4:] == (f"{mutants} of {mutants}", "holds")
    assert "T6 widest shape" in [row[0] for row in others]
    broken = replace(trained.proofs, rows=tuple(replace(row, holds=False) for row in trained.proofs.rows))
    assert build_page(replace(trained, proofs=broken)).sections[-1].tables[0].rows[0][-1] == "FAILS"


def test_markup_is_whole_with_unique_ids_and_nothing_from_elsewhere(folder: Path) -> None:
    reader = Reader((folder / "index.html").read_text(encoding="utf-8"))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert len(reader.pictures) >= 14
    for picture in reader.pictures:
        assert len(str(picture.get("aria-label") or picture.get("alt"))) > 15
    for link in reader.links:
        assert link.startswith(("#", "data:")) or link in ("results.json", "arrays.npz")
        assert not link.startswith("#") or link[1:] in reader.ids


def test_no_light_ink_is_left_for_the_dark_page(folder: Path) -> None:
    html = (folder / "index.html").read_text(encoding="utf-8")
    body = html[html.index("<body>") :]
    assert "var(--ink)" in body
    assert not re.search(r"#(1c2024|5f666e|000000)", body, re.IGNORECASE)


def test_the_same_findings_make_the_same_page(page: Page, folder: Path) -> None:
    assert page.to_html() == (folder / "index.html").read_text(encoding="utf-8")


def test_results_and_arrays_agree_with_the_page(folder: Path, trained: Findings) -> None:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    html = (folder / "index.html").read_text(encoding="utf-8")
    for name, numbers in results["restoration"]["structures"].items():
        assert name in html
        assert f"{numbers['held_out_error']['mean']:.4f} ± {numbers['held_out_error']['half_width_95']:.4f}" in html
    assert results["mixer"]["nearest"][0]["relative_error"] < 1e-14
    assert results["dense"]["nearest"][0]["relative_error"] > 0.01
    assert results["mixer"]["singular_values_difference"] < 1e-13
    with np.load(folder / "arrays.npz") as arrays:
        np.testing.assert_allclose(
            np.sort(arrays["singular_values"]),
            np.sort(np.linalg.svd(np.kron(arrays["V"].T, arrays["W"]), compute_uv=False)),
            atol=1e-13,
        )
        left, right = arrays["monarch_factor_0"], arrays["monarch_factor_1"]
        np.testing.assert_allclose(km.Monarch(left, right).to_dense(), np.kron(arrays["V"].T, arrays["W"]), atol=1e-14)
        mixer = trained.restoration
        assert mixer is not None
        np.testing.assert_array_equal(arrays["Mixer/held-out_error"][:, -1], [r.error for r in mixer.runs["Mixer"]])


def test_given_weights_are_not_said_to_be_trained(given: Findings) -> None:
    html = build_page(given).to_html()
    assert "mine.npz" in html
    assert "held-out" not in html
    assert "dense training" not in html


def test_complex_weights_have_the_numbers_of_their_moduli_and_are_drawn_by_them() -> None:
    rng = np.random.default_rng(3)
    W, V = (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)) for n in (4, 3))
    found = study_weights(W, V, "complex.npz")
    seen, B = found.mixer, np.kron(V.T, W)
    assert seen is not None
    np.testing.assert_array_equal(seen.effective.to_dense(), B)
    np.testing.assert_allclose(seen.singular_values, np.linalg.svd(B)[1])
    assert seen.profile.effective_nonzeros == pytest.approx(np.abs(B).sum() ** 2 / np.linalg.norm(B) ** 2)
    errors = {one.name: one.relative_error for one in seen.approximations}
    assert max(errors["Kronecker"], errors["Monarch, block rank 1"]) < 1e-14
    caption = effective_weight(found).figures[0].caption
    assert "scaled by the modulus of one entry of V, as complex entries are drawn by their moduli" in caption
    assert "negated" not in caption


def test_weights_too_wide_for_a_dense_matrix_make_a_page_without_one() -> None:
    rng = np.random.default_rng(0)
    found = study_weights(rng.normal(size=(60, 60)), rng.normal(size=(50, 50)), "wide.npz")
    assert found.inspection.dense_singular_values is None
    html = build_page(found).to_html()
    assert "too large to compare with" in html
    assert len(html) < 2_500_000


def test_one_seed_has_no_interval_and_still_a_page() -> None:
    found = study_images(km.datasets.digits()[0][:60, :, :, None], "few", seeds=1, steps=3, patch=2)
    html = build_page(found).to_html()
    assert "nan" not in re.sub(r'(base64,|"frames":")[^"]*', "", html).lower()


def test_text_is_escaped() -> None:
    table = Table("<b>", ("<i>",), (("<u>",),))
    html = Page("<t>", "<l>", (Section("s", "<h>", "<p onload=x>", (), (table,)),), "<f>").to_html()
    for tag in ("<t>", "<l>", "<h>", "<p onload", "<b>", "<i>", "<u>", "<f>"):
        assert tag not in html


def test_pictures_with_too_many_marks_become_bitmaps_with_their_description() -> None:
    markup = panel(lambda ax: ax.plot(np.arange(30_000), np.sin(np.arange(30_000)), "o"), 'a "quoted" <alt>').markup
    assert markup.startswith('<img alt="a &quot;quoted&quot; &lt;alt>"')
    assert len(markup) < LARGEST_SVG


def test_a_large_matrix_follows_light_and_dark() -> None:
    def draw(ax: Axes) -> None:
        ax.imshow(np.random.default_rng(0).random((700, 700)), cmap="gray", interpolation="none")

    markup = panel(draw, "seven hundred rows", (2.0, 2.2)).markup
    assert markup.startswith("<svg")
    assert "var(--muted)" in markup
    assert len(markup) < LARGEST_SVG


def test_the_cursor_of_a_slider_spans_the_axes() -> None:
    placed = placed_panel(lambda ax: ax.plot([0, 4], [1, 2]), "a line", (4.6, 2.9), np.array([0.0, 2.0, 4.0]))
    assert placed.places[1] == pytest.approx((placed.places[0] + placed.places[2]) / 2)
    with house_style():
        canvas = Canvas(figsize=(4.6, 2.9), layout="constrained")
        canvas.subplots().plot([0, 4], [1, 2])
        canvas.draw_without_rendering()
        box = canvas.axes[0].get_position()
    assert (placed.bottom, 1 - placed.top) == pytest.approx((box.y0, box.y1))


PROBE = """<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach(folded => { folded.open = true; });
  const boxes = [...document.querySelectorAll("svg[role=img], img")].map(e => e.getBoundingClientRect());
  const drawn = boxes.filter(b => b.width > 150 && b.height > 60).length;
  const root = document.documentElement;
  const out = boxes.filter(b => b.left < 0 || b.right > root.clientWidth + 1).length;
  document.title = `${drawn} of ${boxes.length} drawn, ${out} outside, overflow ${root.scrollWidth - root.clientWidth}`;
});</script>"""


@needs_browser
@pytest.mark.parametrize("width", [500, 1280])
def test_page_opens_in_a_browser_without_complaint(folder: Path, tmp_path: Path, width: int) -> None:
    probed = tmp_path / "probed.html"
    probed.write_text(
        (folder / "index.html").read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8"
    )
    options = ("--enable-logging=stderr", "--virtual-time-budget=5000", f"--window-size={width},900")
    done = open_page(probed.as_uri(), tmp_path / "profile", *options)
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    count = len(Reader(probed.read_text(encoding="utf-8")).pictures)
    assert title.group(1) == f"{count} of {count} drawn, 0 outside, overflow 0"


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_page_can_be_read(
    page: Page, given: Findings, network: Findings, table: Findings, matrices: Findings, tmp_path: Path, scheme: str
) -> None:
    made = {"given": given, "network": network, "table": table, "matrices": matrices}
    pages = {"trained": page, **{name: build_page(findings) for name, findings in made.items()}}
    (tmp_path / "site").mkdir()
    for name, one in pages.items():
        (tmp_path / "site" / f"{name}.html").write_text(one.to_html(), encoding="utf-8")
    seen = look(tmp_path / "site", tmp_path / "profile", scheme)
    assert len(seen) == 2 * len(pages)
    assert_legible(seen, scheme)


#: Heights of version 0.1's pages of the same findings without their proofs, 1280 pixels wide.
HEIGHTS = {"trained": 9369, "given": 5591, "network": 4103}


@needs_browser
@pytest.mark.parametrize("name", HEIGHTS)
def test_a_page_is_at_most_half_as_high_as_in_version_0_1(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    findings = replace(request.getfixturevalue(name), proofs=None, studies=())
    told = "document.title = document.documentElement.scrollHeight"
    html = build_page(findings).to_html().replace("</body>", f"<script>onload = () => {{ {told} }}</script></body>")
    (tmp_path / "probed.html").write_text(html, encoding="utf-8")
    done = open_page((tmp_path / "probed.html").as_uri(), tmp_path / "profile", "--window-size=1280,900")
    height = re.search(r"<title>(\d+)</title>", done.stdout)
    assert height is not None
    assert 900 < int(height.group(1)) <= HEIGHTS[name] / 2


def test_matrices_of_any_file_lead_with_their_fronts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    planted = np.kron(rng.normal(size=(3, 4)), rng.normal(size=(5, 2)))
    np.savez(tmp_path / "mine.npz", planted=planted, kernel=rng.normal(size=(4, 2, 3)), bias=np.ones(5))
    findings = study_matrices(tmp_path / "mine.npz")
    assert [(name, front.shape) for name, front in findings.fronts] == [("planted", (15, 8)), ("kernel", (4, 6))]
    assert findings.fronts[0][1].choose().family == "Kronecker sum"
    page = build_page(findings)
    assert page.title == "Which structure these matrices have"
    assert [section.name for section in page.sections] == ["fronts", "matrices"]
    write_report(findings, tmp_path)
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["fronts/planted/relative_error"].min() < 1e-6


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"bias": np.ones(4)}, "holds no matrix"),
        ({"W": np.full((4, 4), np.nan)}, "NaN or infinite"),
        ({"W": np.zeros((4, 4))}, "only matrices of zeros"),
        ({"W": np.ones((1, 5))}, "holds no matrix"),
    ],
)
def test_files_without_a_matrix_to_look_at_are_refused(
    arrays: dict[str, np.ndarray], words: str, tmp_path: Path
) -> None:
    np.savez_compressed(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        study_matrices(tmp_path / "mine.npz")


def test_a_plain_array_is_no_run(tmp_path: Path) -> None:
    np.save(tmp_path / "weights.npy", np.eye(3))
    assert not is_run(tmp_path / "weights.npy")
    with pytest.raises(ValueError, match="not a Mixer checkpoint that is known"):
        study_network(tmp_path / "weights.npy")

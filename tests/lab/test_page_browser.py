"""The report in a headless browser: it loads alone, fits a phone and a desktop, and prints whole."""

import json
import re
import shutil
import subprocess

import pytest
from skipwalk.sw.lab.page.page import SECTIONS, render
from skipwalk.sw.lab.page.results import read_results

from ..support import browser
from ..support.page import all_results

#: Everything of a page that reaches beyond its right edge, unless a box of its own scrolls it.
OVERFLOW = """
const wide = page.documentElement.clientWidth;
const out = [...page.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > wide + 1
  && !e.closest('.scroll') && !e.closest('svg') && e.tagName !== 'CAPTION');
return {client: wide, scroll: page.documentElement.scrollWidth, out: out.map(e => e.tagName + '.' + e.className),
  cut: [...page.querySelectorAll('figure .scroll')].filter(e => e.scrollWidth > e.clientWidth + 1
    || e.scrollHeight > e.clientHeight + 1).map(e => e.getAttribute('aria-label')),
  boxes: [...page.querySelectorAll('.scroll')].filter(e => e.getBoundingClientRect().right > wide + 1).length,
  small: [...page.querySelectorAll('svg')].filter(e => e.getBoundingClientRect().width < 250).length,
  headings: [...page.querySelectorAll('h2')].filter(e => e.getBoundingClientRect().height > 0).map(e => e.id)};
"""
#: Texts of a picture that reach out of it, or cover each other.
TEXTS = """
const bad = [];
for (const svg of page.querySelectorAll('svg')) {
  const box = svg.getBoundingClientRect();
  const names = [...svg.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect(), e]);
  for (const [text, r] of names)
    if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1)
      bad.push(svg.getAttribute('aria-label').slice(0, 40) + ': ' + text + ' is cut');
  const plain = names.filter(([, , e]) => !e.classList.contains('halo'));
  for (let i = 0; i < plain.length; i++) for (let j = i + 1; j < plain.length; j++) {
    const a = plain[i][1], b = plain[j][1];
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
      bad.push(svg.getAttribute('aria-label').slice(0, 40) + ': ' + plain[i][0] + ' covers ' + plain[j][0]);
  }
}
return bad;
"""  # noqa: E501 - a line of JavaScript
#: Contrast (WCAG 2) of every text with the background it stands on, below 4.5.
CONTRAST = """
const light = c => { const v = c.slice(0, 3).map(x => x / 255).map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
const parse = s => (s.match(/[\\d.]+/g) || []).map(Number);
const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
const poor = new Set();
const view = page.defaultView, getComputedStyle = e => view.getComputedStyle(e);
for (const e of page.body.querySelectorAll('*')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest('title, desc, caption')) continue;
  const style = getComputedStyle(e), colour = parse(e.closest('svg') ? style.fill : style.color);
  const a = light(colour), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.add(e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + ratio.toFixed(2));
}
return [...poor];
"""  # noqa: E501


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    browser.find()
    return render(read_results(all_results(tmp_path_factory.mktemp("results"))))


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_reaches_beyond_the_edge(page, width, tmp_path):
    found = browser.measure(page, width, OVERFLOW, tmp_path)
    assert found["client"] == width
    assert (found["scroll"], found["out"], found["boxes"], found["small"]) == (width, [], 0, 0)
    assert found["headings"] == list(SECTIONS)
    if width == 1280:
        assert found["cut"] == []


@pytest.mark.parametrize("width", [360, 1280])
def test_texts_in_pictures_are_whole_and_apart(page, width, tmp_path):
    assert browser.measure(page, width, TEXTS, tmp_path) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page, scheme, tmp_path):
    chosen = page
    if scheme == "dark":
        # As if the system asked for it.
        chosen = page.replace("@media (prefers-color-scheme: dark)", "@media all", 1)
        assert chosen != page
    assert browser.measure(chosen, 1280, CONTRAST, tmp_path) == []


def test_no_script_no_error_no_request(page, tmp_path):
    path, log = tmp_path / "index.html", tmp_path / "net.json"
    path.write_text(page)
    shown = browser.run(
        tmp_path / "profile", "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", path.as_uri()
    )
    assert "CONSOLE" not in shown.stderr
    for anchor in SECTIONS:
        assert f'id="{anchor}"' in shown.stdout
    text = log.read_text()
    try:
        events = json.loads(text)["events"]
    except json.JSONDecodeError:  # cut off when the browser ended
        events = json.loads(text[: text.rindex("},") + 1] + "]}")["events"]
    asked = [str(event.get("params", {}).get("url", "")) for event in events]
    assert not [url for url in asked if path.parent.name in url and "index.html" not in url]
    assert not [url for url in asked if re.match(r"https?://", url) and not _of_the_browser(url)]


def _of_the_browser(url: str) -> bool:
    """What Chromium asks its maker on its own, whatever the page."""
    return re.match(r"https?://[a-z0-9.-]*\.?(google|googleapis|gstatic|gvt1)\.com[/:]", url) is not None


def test_printed_on_paper_nothing_is_cut_off(page, tmp_path):
    # Width of A4 between the browser's margins, as CSS pixels, laid out by the rules for print.
    printed = page.replace("@media print", "@media all", 1)
    assert printed != page
    found = browser.measure(printed, 718, OVERFLOW.replace("!e.closest('.scroll') && ", ""), tmp_path)
    assert (found["scroll"], found["out"], found["boxes"]) == (718, [], 0)
    height = "return [...page.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 2).length"
    assert browser.measure(printed, 718, height, tmp_path) == 0


def test_the_pdf_has_every_section(page, tmp_path):
    path, pdf = tmp_path / "index.html", tmp_path / "page.pdf"
    path.write_text(page)
    browser.run(tmp_path / "profile", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri())
    assert pdf.read_bytes().startswith(b"%PDF-")
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed, so the PDF's text cannot be read")
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    for words in ("Against the CPU", "the CPU is ahead", "Where every figure comes from", "a.value.nobody.knows"):
        assert words in text

"""The page's Markdown: what it makes of a text, and that nothing of a model's text ever runs."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from .steps import PATIENCE

pytestmark = pytest.mark.browser

RENDER = """async (text) => {
  const { render } = await import("/page/markdown.js");
  const place = document.createElement("div");
  place.append(...render(text));
  for (const each of place.querySelectorAll("figcaption button")) each.remove();
  return place.innerHTML;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """One page for all: nothing here changes it."""
    with browser.new_page(base_url=address) as page:
        page.set_default_timeout(PATIENCE)
        page.goto("/")
        yield page


def html(page: Page, text: str) -> str:
    return str(page.evaluate(RENDER, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "<p>a<br>b</p>"),
        ("a\n\nb", "<p>a</p><p>b</p>"),
        ("# A #\n## B", "<h3>A</h3><h4>B</h4>"),
        ("**a** *b* ***c*** __d__ _e_ ~~f~~", None),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("*a **b** c*", "<p><em>a <strong>b</strong> c</em></p>"),
        ("`a*b*` ``c`d``", "<p><code>a*b*</code> <code>c`d</code></p>"),
        ("**unclosed and `open", "<p>**unclosed and `open</p>"),
        (r"\*not\*", "<p>*not*</p>"),
        ("---", "<hr>"),
        ("> a\n> b", "<blockquote><p>a<br>b</p></blockquote>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("1. a\n2. b\n   - c\n3. d", "<ol><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ol>"),
        ("1. a\n\n2. b", "<ol><li><p>a</p></li><li><p>b</p></li></ol>"),
        ("In the year\n1984. It was", "<p>In the year<br>1984. It was</p>"),
        ("```py\nx < 1\n```", None),
        ("- a\n  ```\n  b\n  ```", None),
        (
            "a | b\n--|:-:\n1 | 2\\|3",
            '<div class="wide" tabindex="0"><table><thead><tr><th class="left">a</th>'
            '<th class="center">b</th></tr></thead><tbody><tr><td class="left">1</td>'
            '<td class="center">2|3</td></tr></tbody></table></div>',
        ),
    ],
)
def test_what_it_makes(page: Page, text: str, expected: str | None) -> None:
    made = html(page, text)
    if expected is not None:
        assert made == expected
    elif "```" in text:
        assert made.count('<figure class="code">') == 1
        assert "x &lt; 1" in made or "<code>b</code>" in made
    else:
        assert made == (
            "<p><strong>a</strong> <em>b</em> <strong><em>c</em></strong> <strong>d</strong> "
            "<em>e</em> <del>f</del></p>"
        )


LINK = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{1}</a>'


@pytest.mark.parametrize(
    ("text", "url", "label"),
    [
        ("[a](https://example.org/x_(y))", "https://example.org/x_(y)", "a"),
        ('[a](https://example.org "title")', "https://example.org/", "a"),
        ("<https://example.org>", "https://example.org/", "https://example.org"),
        ("see https://example.org/a.", "https://example.org/a", "https://example.org/a"),
        ("[a](mailto:a@example.org)", "mailto:a@example.org", "a"),
        ("![a](https://example.org/a.png)", "https://example.org/a.png", "a"),
    ],
)
def test_links(page: Page, text: str, url: str, label: str) -> None:
    assert LINK.format(url, label) in html(page, text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.hacked = 1</script>",
        "<img src=x onerror='window.hacked = 1'>",
        "[a](javascript:window.hacked=1)",
        "[a](JaVaScRiPt:window.hacked=1)",
        "[a](data:text/html,<script>window.hacked=1</script>)",
        "[a](vbscript:x)",
        "[a](file:///etc/passwd)",
        "[a](\x01javascript:window.hacked=1)",
        '[a](https://example.org"onmouseover="window.hacked=1)',
        "```<b>\n</code></pre><script>window.hacked = 1</script>\n```",
        "| <svg onload=alert(1)> | b |\n|--|--|\n| <a href=javascript:alert(1)> | d |",
    ],
)
def test_nothing_of_it_runs(page: Page, text: str) -> None:
    made = html(page, text)
    assert "<script" not in made
    assert "<img" not in made
    assert "<svg" not in made
    nodes = page.evaluate(
        """(html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("*")]
            .flatMap((node) => [...node.attributes].map((a) => `${a.name}=${a.value}`))""",
        made,
    )
    assert not [each for each in nodes if each.startswith("on") or "script:" in each]
    assert page.evaluate("window.hacked") is None


PIECES = [
    *("# Head", "\n", "\n\n", "text ", "**bold**", " ", "`code`", "- item\n", "  - inner\n", "|"),
    *("1. one\n", "> quote\n", "```py\n", "```\n", "a | b\n", "--|--\n", "---\n", "    "),
    *("[x](", "https://example.org)", "-", "*", "_", "1984. It was\n", "2) two\n", "- [x] done\n"),
]


def test_streamed_is_whole(page: Page) -> None:
    """However a text is cut on its way, what stands at the end is what the whole text makes."""
    draw = random.Random(7)
    texts = ["".join(draw.choices(PIECES, k=draw.randint(3, 25))) for _ in range(300)]
    differing = page.evaluate(
        """async (texts) => {
          const { render, Live } = await import("/page/markdown.js");
          const differing = [];
          let seed = 7; // the same cuts in every run
          const draw = (n) => (seed = (seed * 48271) % 2147483647) % n;
          for (const text of texts) {
            const whole = document.createElement("div");
            whole.append(...render(text));
            const place = document.createElement("div");
            const live = new Live(place);
            for (let end = 1; end < text.length; end += 1 + draw(4)) {
              live.update(text.slice(0, end));
            }
            live.update(text);
            if (place.innerHTML !== whole.innerHTML) differing.push(text);
          }
          return differing;
        }""",
        texts,
    )
    assert differing == []


@pytest.mark.parametrize(
    "text",
    [
        ">" * 20_000,
        "- " * 10_000,
        "*" * 20_000,
        "**a " * 5_000,
        "[" * 20_000,
        "`" * 9_999 + "a",
        "` `` " * 3_000,
        "![](" * 5_000,
        "|" * 20_000 + "\n" + "|-" * 10_000,
        "_a" * 10_000,
        "\\" * 20_000,
        "https://" * 2_000,
        "<https://" * 2_000,
    ],
)
def test_no_text_hangs_it(page: Page, text: str) -> None:
    best = page.evaluate(
        """async (text) => {
          const { render } = await import("/page/markdown.js");
          let best = Infinity; // of some tries: the clock counts what else the machine does
          for (let tries = 0; tries < 10 && best >= 2000; tries++) {
            const began = performance.now();
            render(text);
            best = Math.min(best, performance.now() - began);
          }
          return best;
        }""",
        text,
    )
    assert best < 2000

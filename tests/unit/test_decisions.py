"""Each decision has a number of its own, and what refers to one leads to it."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_a_number_is_one_decisions() -> None:
    numbers = Counter(page.name[:4] for page in PAGES)

    assert [number for number, pages in numbers.items() if pages > 1] == []


def test_a_title_has_the_number_of_its_file() -> None:
    titles = {page.name: page.read_text("utf-8").splitlines()[0] for page in PAGES}

    assert [name for name, title in titles.items() if not title.startswith(f"# {int(name[:4])}. ")] == []


def test_what_refers_to_a_decision_leads_to_it_by_its_number() -> None:
    wrong = [
        (page.name, said)
        for page in (*(ROOT / "docs").glob("*.md"), *PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md")
        for said, target in re.findall(
            r"\[[^\]]*?(?:decision (\d+))?\]\(([^)\s]*\d{4}-[a-z-]+\.md)[^)]*\)", page.read_text("utf-8"), re.I
        )
        if not (page.parent / target).is_file() or (said and int(said) != int(Path(target).name[:4]))
    ]

    assert wrong == []

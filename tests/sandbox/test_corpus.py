"""Every file of the corpus has the outcome on its first line, with only the policy and the guards."""

from pathlib import Path

import pytest

from tests.sandbox.running import run

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.rglob("*.py"))
KINDS = {"ok", "runtime-error", "limit", "refused-at-upload"}


def expected(source: bytes) -> set[str]:
    first = source.splitlines()[0].decode()
    assert first.startswith("# expect: ")
    return set(first.removeprefix("# expect: ").split("|"))


def test_the_corpus_exists() -> None:
    assert len(FILES) > 450


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_of_the_corpus_has_the_expected_outcome(path: Path) -> None:
    source = path.read_bytes()

    ran = run(source)

    assert expected(source) <= KINDS
    assert ran.kind in expected(source), (ran.failure, ran.problems)
    said = str((ran.results, ran.state, ran.failure and ran.failure.message))
    assert "ESCAPED" not in said
    assert "LEAK" not in said
    assert " at 0x" not in said
    for problem in ran.problems:
        assert problem.message
        assert problem.line >= 1
        assert problem.column >= 1
    if ran.kind == "limit":
        assert ran.failure is not None
        assert ran.failure.limit is not None
        assert ran.failure.limit in ran.failure.message
        assert f"{ran.failure.allowed:,}" in ran.failure.message

"""The error tree: stable codes, remedies and exit statuses."""

from collections.abc import Iterator

import pytest

from functions.engine import errors
from functions.engine.errors import ChunkCorruptError, ConfigurationError, StrongroomError


def tree(root: type[StrongroomError] = StrongroomError) -> Iterator[type[StrongroomError]]:
    """Give all classes of the tree."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


ALL = sorted({kind for kind in tree() if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__)


def test_every_code_belongs_to_one_error() -> None:
    """A code names its class."""
    codes = [kind.code for kind in ALL]
    assert len(set(codes)) == len(codes) > 20


@pytest.mark.parametrize("kind", ALL)
def test_every_error_says_what_happened_and_what_to_do(kind: type[StrongroomError]) -> None:
    """One line: code, message, remedy; and a status that a script can tell from success."""
    text = str(kind("it broke"))
    assert text.startswith(f"{kind.code}: it broke")
    assert "\n" not in text
    assert kind.exit_status > 0
    assert kind is StrongroomError or kind.hint in text


def test_a_remedy_that_fits_better_takes_the_place_of_the_class_s_own() -> None:
    """Whoever raises knows more than the class."""
    error = ConfigurationError("--workers is 0", hint="name 1 or more")
    assert str(error) == "CONFIG_INVALID: --workers is 0 (name 1 or more)"
    assert str(ConfigurationError("x", hint="")) == "CONFIG_INVALID: x"
    assert (error.message, error.remedy) == ("--workers is 0", "name 1 or more")


def test_the_kind_of_an_error_decides_the_exit_status() -> None:
    """Scripts depend on these numbers."""
    assert ChunkCorruptError("x").exit_status == 7
    assert {kind.exit_status for kind in ALL} == set(range(1, 11))

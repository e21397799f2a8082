"""Guard: tests share code through tests/helpers and fixtures, not through test modules."""

from pathlib import Path

import pytest

from tests.helpers.repository import imported, sources


@pytest.mark.parametrize("file", sources("tests"), ids=str)
def test_no_test_module_is_imported(file: Path) -> None:
    for name in imported(file):
        package, *parts = name.split(".")
        assert package != "tests" or parts[0] != "conftest", name
        assert package != "tests" or not any(x.startswith("test_") for x in parts), name

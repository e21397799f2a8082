import pytest

# Show the values in assertions that fail in helpers.
pytest.register_assert_rewrite("tests.helpers")

"""The demo's Home Assistant."""

from demo.home_assistant import free_port


def test_two_demos_that_start_at_once_get_different_ports() -> None:
    with free_port(0) as wanted:
        pass
    with free_port(wanted) as first, free_port(wanted) as second:
        assert first != second
    with free_port(second) as again:
        assert again == second

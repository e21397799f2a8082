"""The demo's Home Assistant."""

from demo.home_assistant import free_port


def test_two_demos_that_start_at_once_get_different_ports() -> None:
    # Systems give no program a port of these unless it asks for it.
    for wanted in range(20_000, 20_100):
        with free_port(wanted) as given:
            pass
        if given == wanted:
            break
    with free_port(wanted) as first, free_port(wanted) as second:
        assert first != second
        assert first == wanted
    with free_port(wanted) as again:
        assert again == wanted

"""Shapes are merged over answers, and compared."""

from check_server.shape import Shape, differences


def shape(*bodies: object) -> Shape:
    merged = Shape()
    for body in bodies:
        merged.add(body)
    return merged


def test_paths_have_the_forms_of_all_answers() -> None:
    merged = shape({"items": [{"id": "1"}]}, {"items": [{"id": "a", "text": None}]})
    assert list(merged.lines()) == [
        "(answer): object",
        "items: array",
        "items[]: object",
        "items[].id: id `a`, `n`",
        "items[].text (sometimes): null",
    ]


def test_a_key_of_only_the_first_answer_is_optional() -> None:
    assert "title (sometimes): text" in list(
        shape({"id": "1", "title": "x"}, {"id": "2"}).lines()
    )


def test_keys_of_maps_share_a_path() -> None:
    merged = shape({"seen": {"@kim:beeper.com": True, "@zoe:beeper.com": False}})
    assert list(merged.lines())[2:] == [
        "seen.<>: boolean false, true, keys <@aaa:beeper.com>"
    ]


def test_deep_and_wide_answers_are_cut() -> None:
    deep: object = 1
    for _ in range(500):
        deep = {"items": [deep]}
    wide = {f"{number}": {"id": number} for number in range(100_000)}
    assert len(shape(deep).places) < 30
    assert len(shape(wide).places) == 3


def test_equal_shapes_do_not_differ() -> None:
    body = {"id": "1", "items": [{"status": "connected"}, {}], "extra": {"zoe": 1}}
    assert not list(differences(shape(body), shape(body)))


def test_differences() -> None:
    server = {"id": "a1", "status": "odd", "isMuted": 1, "preview": {}, "merge": {}}
    simulator = {"id": "a", "status": "ready", "isMuted": True, "title": "x"}
    assert list(differences(shape(server), shape(simulator))) == [
        '`status`: undocumented value `aaa`; simulator: value "ready"',
        "`isMuted`: integer; simulator: boolean true",
        "`preview` is new: object (empty)",
        "`merge` is new: object (empty)",
        "`title` is missing; simulator: text",
    ]


def test_fields_optional_in_the_simulator_may_be_missing() -> None:
    simulator = shape([{"id": "1", "title": "x"}, {"id": "2"}])
    assert not list(differences(shape([{"id": "3"}]), simulator))


def test_fields_optional_only_in_the_server_differ() -> None:
    server = shape([{"id": "1", "type": "TEXT"}, {"id": "2"}])
    assert list(differences(server, shape([{"id": "3", "type": "TEXT"}]))) == [
        "`[].type` is sometimes missing; the simulator always has it"
    ]


def test_parts_of_an_empty_list_are_not_missing() -> None:
    simulator = shape({"items": [{"id": "1"}]})
    assert not list(differences(shape({"items": []}), simulator))

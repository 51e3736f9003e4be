"""kubectl wait · 等到条件成立

Waits until everything selected is as the line says: a condition holds, a field has a value, the
object is there, or it is gone.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/wait/
"""

from __future__ import annotations

from k8s_ref.cli.kubectl import jsonpath
from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.cli.kubectl.output import OUTPUT, report
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, Target, chosen, fetch_all
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.cli.kubectl.watching import WEEK, Seen, timed_out, until
from k8s_ref.cli.kubectl.yamltext import number_or_text
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import Object, condition_of, namespace_of
from k8s_ref.sim.loop import SECOND


async def wait(session: Session) -> int:
    """Wait for each object in turn, all within one time limit."""
    test, words = _test(session.flags["for"]), session.flags["for"].partition("=")[0]
    wanted = chosen(session)
    asked = session.flags["timeout"]
    end = session.api.loop.now + round((asked if asked >= 0 else WEEK) * SECOND)
    named = [target for target in wanted if target.name] if words in ("delete", "create") else []
    rest = [target for target in wanted if target not in named]
    found = [
        Target(kind, obj["metadata"]["name"], namespace_of(obj))
        for kind, obj in await fetch_all(session, rest)
    ]
    if rest and not found and not session.errors and words != "delete":
        raise ValueError("no matching resources found")
    for target in (*named, *found):
        try:
            await _one(session, target, test, words, end)
        except (ApiError, ValueError) as error:
            session.fail(error)
    return 0


async def _one(session: Session, target: Target, test: Seen, words: str, end: int) -> None:
    """Wait for one object and say so; a deletion that was over before it began is not told."""
    last: list[Object] = []

    def seen(obj: Object | None) -> bool:
        last[:] = [obj] if obj is not None else last
        return test(obj)

    asked, left = session.flags["timeout"], max(0, end - session.api.loop.now) / SECOND
    if asked and not left:
        raise timed_out(target.kind, target.name)
    key = session.key(target.kind, target.name, target.namespace)
    try:
        await until(session, target.kind, key, seen, left or 1e-9)
    except TimeoutError:
        if words == "create":
            raise ValueError("timed out waiting for the condition") from None
        if not asked:
            name = f"{target.kind.plural}/{target.name}"
            raise ValueError(f"condition not met for {name}") from None
        raise timed_out(target.kind, target.name) from None
    if last:
        report(session, target.kind, last[0], "condition met")


def _test(asked: str) -> Seen:
    """The condition as a function of the object.

    >>> test = _test("condition=Ready")
    >>> test({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    True
    """
    form, _, rest = asked.partition("=")
    if asked.lower() == "delete":
        return lambda obj: obj is None
    if asked.lower() == "create":
        return lambda obj: obj is not None
    if form == "condition" and rest:
        name, _, value = rest.partition("=")
        return lambda obj: obj is not None and _holds(obj, name, value or "true")
    if form == "jsonpath" and rest:
        return _at_path(rest)
    raise ValueError(f'unrecognized condition: "{asked}"')


def _holds(obj: Object, name: str, value: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    exact = next((c["type"] for c in conditions if c["type"].lower() == name.lower()), name)
    found = condition_of(obj, exact)
    if found is None or found["status"].lower() != value.lower():
        return False
    # A condition that speaks of an older version of the object says nothing yet.
    seen = found.get("observedGeneration") or (obj["status"].get("observedGeneration"))
    return not seen or seen >= (obj.get("metadata") or {}).get("generation", 0)


def _at_path(asked: str) -> Seen:
    path, equals, value = asked.partition("}=") if "}=" in asked else (asked, "", "")
    path = f"{path}}}" if equals else path
    if path.startswith("{") != path.endswith("}"):
        raise ValueError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or"
            " '{name1.name2}' or '{.name1.name2}'"
        )
    if equals and not value:
        raise ValueError("jsonpath wait has to have a value after equal sign")

    def test(obj: Object | None) -> bool:
        values = [] if obj is None else jsonpath.find(path, obj)
        return bool(values) if not equals else [number_or_text(v) for v in values] == [value]

    return test


COMMANDS = (
    Command(
        "wait",
        wait,
        (*SELECTORS, OUTPUT, ALL,
         Flag("for", help="delete, create, condition=NAME[=VALUE] or jsonpath={PATH}=VALUE"),
         Flag("timeout", type="duration", default=30.0, help="how long, 30s unless told")),
        "kubectl wait TYPE NAME --for=condition=NAME",
        "wait until objects are as asked",
    ),
)  # fmt: skip

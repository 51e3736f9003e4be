"""kubectl exec · 在容器里执行命令

Runs a command beside a container's own program, gives it the line's input with ``-i``, shows both
of its outputs as they come, and ends with its exit code.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/exec/exec.go
"""

from __future__ import annotations

import json

from k8s_ref.apiserver.streams import Pipe, Refused, exit_code, failed, translated
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.logs import default_container, one_pod_of
from k8s_ref.cli.kubectl.selection import kind_named
from k8s_ref.cli.kubectl.session import Command, Session, resource_of
from k8s_ref.cli.kubectl.watching import LONGEST
from k8s_ref.machinery.meta import Object, key_of

NO_DASHES = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"


async def execute(session: Session) -> int:
    """Run a command in a container; its exit code is this one's."""
    words = session.words[: len(session.words) - len(session.after)]
    if not words:
        raise ValueError("pod, type/name or --filename must be specified")
    if len(words) > 1:
        raise session.misused(NO_DASHES)
    if not session.after:
        raise ValueError("you must specify at least one command for the container")
    pod = await _pod(session, words[0])
    phase = pod["status"].get("phase")
    if phase in ("Succeeded", "Failed"):
        raise ValueError(
            f"cannot exec into a container in a completed pod; current phase is {phase}"
        )
    container = session.flags["container"] or default_container(session, pod)
    return await _run(session, pod, container)


async def _pod(session: Session, word: str) -> Object:
    type_name, slash, name = word.partition("/")
    kind = kind_named(session, type_name if slash else "pods")
    obj = await session.api.get(resource_of(kind), session.key(kind, name if slash else word))
    return obj if kind.kind == "Pod" else await one_pod_of(session, obj)


async def _run(session: Session, pod: Object, container: str) -> int:
    asked = {"stdout": ["true"], "stderr": ["true"]}
    if session.flags["stdin"]:
        if session.flags["tty"]:
            session.say("Unable to use a TTY - input is not a terminal or the right kind of file")
        asked["stdin"] = ["true"]
    stream = await session.api.stream(
        key_of(pod), "exec", command=session.after, container=[container], **asked
    )
    try:
        await stream.open()
    except Refused as refused:
        raise ValueError(failed(refused.told)["message"]) from None
    stream.stdin.write(session.stdin.encode())
    stream.stdin.close()
    loop = session.api.loop
    shown = [loop.spawn(_show(session, pipe)) for pipe in (stream.stdout, stream.stderr)]
    try:
        told = await loop.within(session.flags["request-timeout"] or LONGEST, stream.error.read())
    except TimeoutError:
        raise ValueError("timed out waiting for the condition") from None
    finally:
        stream.close()
    for each in shown:
        await each
    status = translated(json.loads(told or b"{}"))
    code = exit_code(status)
    if code is None:
        raise ValueError(status["message"])
    if code:
        session.say(f"command terminated with exit code {code}")
    return code


async def _show(session: Session, pipe: Pipe) -> None:
    while (data := await pipe.read()) is not None:
        session.write(data.decode("utf-8", "replace"))


COMMANDS = (
    Command(
        "exec",
        execute,
        (
            Flag("container", "c", help="which container"),
            switch("stdin", "give the command the input of the line", "i"),
            switch("tty", "ask for a terminal, which is never there", "t"),
        ),
        "kubectl exec (POD | TYPE/NAME) [-c CONTAINER] -- COMMAND [ARGS...]",
        "run a command in a container",
    ),
)

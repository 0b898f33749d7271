"""An agent that plays what its first argument says, in the Agent Client Protocol, by itself: a line for each act.

`leave TEXT`, `say TEXT`, `ask KIND TITLE [PATH]`, `run COMMAND`, `edit PATH OLD NEW`, `call JSON`, `raw JSON`,
`shout BYTES`, `flood BYTES`, `deaf COUNT`, `stop REASON`, `sleep`, `die`, `mute`. What it was answered goes into its
file. `HERE` is its folder. `offer JSON` is what it says of its modes when its session is opened, `mode` how it was set.
"""

import json
import os
import sys
import time
from pathlib import Path

OPTIONS = [
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "once", "name": "Once", "kind": "allow_once"},
    {"optionId": "never", "name": "No", "kind": "reject_once"},
]


class Actor:
    """One agent, one session."""

    def __init__(self, script: str, output: Path) -> None:
        self.script = script
        self.output = output
        self.asked = 0
        self.mode = "none"

    def tell(self, **message: object) -> None:
        message["jsonrpc"] = "2.0"
        print(json.dumps(message), flush=True)

    def update(self, what: str, **more: object) -> None:
        more["sessionUpdate"] = what
        self.tell(method="session/update", params={"sessionId": "s", "update": more})

    def say(self, text: str) -> None:
        self.update("agent_message_chunk", content={"type": "text", "text": text})

    def ask(self, **call: object) -> str:
        """Ask for permission, and wait for the answer."""
        self.asked += 1
        call["toolCallId"] = f"call-{self.asked}"
        params = {"sessionId": "s", "options": OPTIONS, "toolCall": call}
        self.tell(id=f"ask-{self.asked}", method="session/request_permission", params=params)
        while True:
            heard = json.loads(sys.stdin.readline())
            if heard.get("method") == "session/cancel":
                self.say("cancelled")
            if heard.get("id") == f"ask-{self.asked}":
                outcome = heard["result"]["outcome"]
                return str(outcome.get("optionId", outcome["outcome"]))

    def note(self, text: str) -> None:
        with self.output.open("a") as file:
            file.write(f"{text}\n")

    def play(self, line: str) -> None:
        does, _, rest = line.strip().partition(" ")
        match does:
            case "leave":
                self.note(rest)
            case "mode":
                self.note(f"mode {self.mode}")
            case "offer":
                pass
            case "say":
                self.say(rest)
            case "ask":
                kind, title, *paths = rest.split()
                self.note(self.ask(kind=kind, title=title, locations=[{"path": path} for path in paths]))
            case "run":
                self.update("tool_call", toolCallId=f"call-{self.asked + 1}", title="Run it", kind="execute")
                self.note(self.ask(rawInput={"command": rest}))
            case "edit":
                path, old, new = rest.split()
                diff = {"type": "diff", "path": path, "oldText": old, "newText": new}
                self.note(self.ask(kind="edit", title="Edit it", content=[diff]))
            case "call":
                self.note(self.ask(**json.loads(rest)))
            case _:
                self.misbehave(does, rest)

    def misbehave(self, does: str, rest: str) -> None:
        match does:
            case "raw":
                print(rest, flush=True)
            case "shout":
                piece = b"x" * 1_000_000
                for _ in range(int(rest) // len(piece)):
                    sys.stdout.buffer.write(piece)
                sys.stdout.flush()
            case "flood":
                self.say("x" * int(rest))
            case "deaf":
                for number in range(int(rest)):
                    self.tell(id=f"{number}-{'x' * 200}", method="nonsense", params={})
            case "sleep":
                time.sleep(60)
            case "die":
                os._exit(3)
            case "mute":
                sys.stdout.close()
                os.close(1)
                time.sleep(60)

    def offered(self) -> dict[str, object]:
        """The modes that its script offers."""
        lines = [line.strip().removeprefix("offer ") for line in self.script.splitlines() if "offer " in line]
        return json.loads(lines[0]) if lines else {}

    def serve(self) -> None:
        for line in sys.stdin:
            heard = json.loads(line)
            match heard.get("method"):
                case "initialize":
                    version = 2 if "version 2" in self.script else heard["params"]["protocolVersion"]
                    assert heard["params"]["clientCapabilities"]["fs"]["writeTextFile"] is False
                    self.tell(
                        id=heard["id"],
                        result={"protocolVersion": version, "agentInfo": {"name": "actor", "version": "1"}},
                    )
                case "session/new":
                    if "locked" in self.script:
                        self.tell(id=heard["id"], error={"code": -32000, "message": "Authentication required\x1b[2J"})
                    self.tell(id=heard["id"], result={"sessionId": "s", **self.offered()})
                case "session/set_mode" | "session/set_config_option" as method:
                    said = heard["params"]
                    self.mode = f"{method} {said.get('configId', '')} {said.get('modeId') or said['value']}"
                    self.tell(id=heard["id"], result={} if said.get("modeId") else {"configOptions": []})
                case "session/prompt":
                    stop = "end_turn"
                    for act in self.script.strip().splitlines():
                        if act.strip().startswith("stop "):
                            stop = act.split()[1]
                        self.play(act)
                    self.tell(id=heard["id"], result={"stopReason": stop})


Actor(sys.argv[1].replace("HERE", "/mission"), Path(sys.argv[2])).serve()

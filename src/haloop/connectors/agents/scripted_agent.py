"""An agent without a model: it speaks the Agent Client Protocol and plays one script for each kind of step.

What it makes of a text is made of that text's own words, so that a person who tries Haloop has something to read, to
change and to approve. It runs inside a sandbox, where Haloop is not: this one file needs Python alone.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

PROJECT = Path("/mission/project")
_TITLE_MAX = 72
_FILES_MAX = 12
_LOOKED_AT_MAX = 2_000
_FILE_BYTES_MAX = 200_000
_DEMAND = re.compile(r"\b(must|should|never|always|only|needs?|may not|muss|soll|darf|nie|immer|nur)\b", re.IGNORECASE)
_POINT = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(.*\S)")
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_NOTHING = "- Nothing was written down."
_OPTIONS = [
    {"optionId": "yes", "name": "Allow", "kind": "allow_once"},
    {"optionId": "no", "name": "Do not", "kind": "reject_once"},
]


class Document:
    """A Markdown text by its headings."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.lines = [line.rstrip() for line in self.text.splitlines()]
        first = self.lines[0].lstrip("#-* ") if self.lines else ""
        self.title = _shortened(first or "Untitled")
        self.body = "\n".join(self.lines[1:]).strip() if self.title == first else ""
        """All below its title, where that is a line of its own."""

    def points(self, *headings: str) -> list[str]:
        """The points below these headings; what says that there is none is no point."""
        found: list[str] = []
        inside = False
        for line in self.lines:
            if line.startswith("#"):
                inside = line.lstrip("# ") in headings
            elif inside and (point := _POINT.match(line)) and line != _NOTHING:
                found.append(point[1])
        return found

    def demands(self) -> list[str]:
        """What it asks for: the sentences that demand something, and its points; else what it says first."""
        points = [point[1] for line in self.lines if (point := _POINT.match(line))]
        demanding = [one for one in self.sentences() if _DEMAND.search(one)]
        return list(dict.fromkeys([*demanding, *points])) or self.sentences()[:1]

    def questions(self) -> list[str]:
        return [one for one in self.sentences() if one.endswith("?")]

    def sentences(self) -> list[str]:
        return [one.strip() for block in self._blocks() for one in _SENTENCE.findall(block) if one.strip()]

    def _blocks(self) -> Iterator[str]:
        """Its paragraphs and points, each in one line."""
        block: list[str] = []
        for line in [*self.lines, ""]:
            if block and (not line or _POINT.match(line)):
                yield " ".join(block)
                block = []
            if line:
                block.append(line.lstrip("#-* "))


def structured(given: Document) -> str:
    """Somebody's notes, in order."""
    return _document(
        given.title,
        {
            "What is wanted": given.body or given.text,
            "What must hold": _points(given.demands()),
            "Open questions": _points(given.questions()),
        },
    )


def researched(given: Document) -> str:
    """What there is of that in the project."""
    demands = given.points("What must hold") or given.demands()
    found = [f"`{path}`: {count} of the words" for path, count in _places(given.text)]
    there = _points(found) if PROJECT.is_dir() else "No project is linked, so nothing was looked at."
    return _document(
        given.title,
        {
            "What is there": there,
            "What that means": _points(demands),
            "Risks": "- The places were found by their words alone; nobody has understood them.",
            "Open questions": _points(given.points("Open questions")),
        },
    )


def planned(given: Document) -> str:
    """Its points as steps."""
    demands = given.points("What that means") or given.demands()
    steps = [f"{number}. {demand}" for number, demand in enumerate(demands, start=1)]
    return _document(
        given.title,
        {
            "Steps": "\n".join(steps),
            "Tests": _points([f"It is seen that this holds: {demand}" for demand in demands]),
            "Not part of this": "- Whatever is not among the steps.",
            "Open questions": _points(given.points("Open questions")),
        },
    )


def implemented(given: Document) -> str:
    """The plan as a page of the project, and what that comes to."""
    if not PROJECT.is_dir():
        notes = "No project is linked, so there was nothing to change."
        return _result("blocked", created=[], modified=[], notes=notes)
    name = f"docs/{_slug(given.title)}.md"
    page = PROJECT / name
    was_there = page.exists()
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{given.text}\n", encoding="utf-8")
    notes = "The scripted agent has no model: it wrote the plan down as a page, and changed no code."
    return _result("partial", created=[] if was_there else [name], modified=[name] if was_there else [], notes=notes)


def thought_over(given: Document) -> str:
    """What it comes to where the project is only looked at."""
    notes = f"It works in a mode that changes nothing, so {_shortened(given.title)} is not done."
    return _result("blocked", created=[], modified=[], notes=notes)


def noted(given: Document) -> str:
    """For any other step, the text it was given."""
    return _document(given.title, {"What it was given": given.text})


PLAYS: Mapping[str, Callable[[Document], str]] = {
    "cleanup-agent": structured,
    "research-agent": researched,
    "planning-agent": planned,
    "impl-agent": implemented,
}


class Agent:
    """One session over standard input and output."""

    def __init__(self, play: str, given: Path, output: Path) -> None:
        self._play = PLAYS.get(play, noted)
        self._given = given
        self._output = output
        self._mode = "default"

    def serve(self) -> None:
        for line in sys.stdin:
            heard = json.loads(line)
            match heard.get("method"):
                case "initialize":
                    self._tell(id=heard["id"], result={"protocolVersion": 1, "agentInfo": _ME})
                case "session/new":
                    modes = {"currentModeId": self._mode, "availableModes": _MODES}
                    self._tell(id=heard["id"], result={"sessionId": "scripted", "modes": modes})
                case "session/set_mode":
                    self._mode = heard["params"]["modeId"]
                    self._tell(id=heard["id"], result={})
                case "session/prompt":
                    reason = _sent_back(heard["params"]["prompt"][0]["text"])
                    self._work(reason)
                    self._tell(id=heard["id"], result={"stopReason": "end_turn"})

    def _work(self, reason: str) -> None:
        self._say(f"I read {self._given}.")
        plans = self._mode == "plan" and self._play is implemented
        play = thought_over if plans else self._play
        made = play(Document(self._given.read_text(encoding="utf-8", errors="replace")))
        if reason and self._output.suffix == ".md":
            made += f"\n## Why it was done again\n\n{reason}\n"
        if self._may_write(made):
            self._output.write_text(made, encoding="utf-8")
            self._say(f"I left {self._output}.")
        else:
            self._say("I may not write, so I leave nothing.")

    def _may_write(self, text: str) -> bool:
        diff = {"type": "diff", "path": str(self._output), "newText": text}
        call = {"toolCallId": "write", "kind": "edit", "title": f"Write {self._output.name}", "content": [diff]}
        params = {"sessionId": "scripted", "toolCall": call, "options": _OPTIONS}
        self._tell(id="write", method="session/request_permission", params=params)
        for line in sys.stdin:
            heard = json.loads(line)
            if heard.get("id") == "write":
                return bool(heard["result"]["outcome"].get("optionId") == "yes")
        return False

    def _say(self, text: str) -> None:
        update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": f"{text}\n"}}
        self._tell(method="session/update", params={"sessionId": "scripted", "update": update})

    def _tell(self, **message: object) -> None:
        message["jsonrpc"] = "2.0"
        print(json.dumps(message), flush=True)


_ME = {"name": "scripted", "version": "1"}
_MODES = [{"id": "default", "name": "Default"}, {"id": "plan", "name": "Plan"}]


def _document(title: str, parts: Mapping[str, str]) -> str:
    return "\n".join([f"# {title}", *(f"\n## {heading}\n\n{text}" for heading, text in parts.items())]) + "\n"


def _points(points: list[str]) -> str:
    return "\n".join(f"- {point}" for point in points) or _NOTHING


def _result(status: str, *, created: list[str], modified: list[str], notes: str) -> str:
    said = {"status": status, "filesCreated": created, "filesModified": modified, "testsAdded": [], "notes": notes}
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _sent_back(prompt: str) -> str:
    """The reason in its prompt, which is quoted there."""
    return "\n".join(line for line in prompt.splitlines() if line.startswith("> "))


def _shortened(text: str) -> str:
    return text if len(text) <= _TITLE_MAX else f"{text[:_TITLE_MAX].rsplit(' ', 1)[0]} …"


def _slug(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:_TITLE_MAX].strip("-") or "plan"


def _places(text: str) -> list[tuple[str, int]]:
    """The project's files that share most words with a text."""
    wanted = {word.lower() for word in _WORD.findall(text)}
    counted = ((str(path.relative_to(PROJECT)), _shared(path, wanted)) for path in _files())
    found = [(name, count) for name, count in counted if count]
    return sorted(found, key=lambda place: (-place[1], place[0]))[:_FILES_MAX]


def _files() -> Iterator[Path]:
    looked_at = 0
    for folder, folders, names in os.walk(PROJECT):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            looked_at += 1
            if looked_at > _LOOKED_AT_MAX:
                return
            yield Path(folder) / name


def _shared(path: Path, wanted: set[str]) -> int:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _FILE_BYTES_MAX:
        return 0
    return len(wanted & {word.lower() for word in _WORD.findall(path.read_text(encoding="utf-8", errors="ignore"))})


if __name__ == "__main__":
    play, given, output = sys.argv[1:]
    Agent(play, Path(given), Path(output)).serve()

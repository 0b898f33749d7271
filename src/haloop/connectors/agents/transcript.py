"""What an agent reports while it works, as lines that a person can read in its log."""

from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    SessionNotification,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
)

from haloop.connectors.agents.log import Log

_MARKS = {"completed": "x", "in_progress": ">", "pending": " "}


class Transcript:
    """One session's. Words come in pieces and go on in their line; everything else is a line of its own."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def take(self, notification: SessionNotification) -> None:
        """Write down what it reports; what only programs read is left out."""
        match notification.update:
            case AgentMessageChunk(content=TextContentBlock(text=text)):
                self._log.write(text.encode(errors="replace"))
            case AgentThoughtChunk(content=TextContentBlock(text=text)):
                self._log.write(text.encode(errors="replace"))
            case ToolCallStart() as call:
                self._log.line(f"* {call.title}" + "".join(f" {place.path}" for place in call.locations or ()))
            case ToolCallProgress(status="failed") as call:
                self._log.line(f"! {call.title or call.tool_call_id}")
            case AgentPlanUpdate(entries=entries):
                for entry in entries:
                    self._log.line(f"[{_MARKS[entry.status]}] {entry.content}")

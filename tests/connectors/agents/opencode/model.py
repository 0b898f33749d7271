"""A model of OpenAI's shape that plays one script: it calls the tool it is started with, and then says it is done."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOOL, ARGUMENTS, *AGENT = sys.argv[1:]


class Model(BaseHTTPRequestHandler):
    """Answers each request for a completion, in pieces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tools = [tool["function"]["name"] for tool in asked.get("tools", [])]
        was_called = any(message["role"] == "tool" for message in asked["messages"])
        call = {"index": 0, "id": "1", "type": "function", "function": {"name": TOOL, "arguments": ARGUMENTS}}
        if TOOL in tools and not was_called:
            self.tell({"role": "assistant", "tool_calls": [call]}, "tool_calls")
        else:
            self.tell({"role": "assistant", "content": "Done."}, "stop")

    def tell(self, delta: dict[str, object], reason: str) -> None:
        said = [{"index": 0, "delta": delta}, {"index": 0, "delta": {}, "finish_reason": reason}]
        begun = {"id": "1", "object": "chat.completion.chunk", "created": 1}
        pieces = [json.dumps(begun | {"choices": [one]}) for one in said]
        body = "".join(f"data: {piece}\n\n" for piece in [*pieces, "[DONE]"]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


# It listens before the agent begins, and ends with it: both are in one sandbox.
server = ThreadingHTTPServer(("127.0.0.1", 8931), Model)
if os.fork():
    server.socket.close()
    os.execvp(AGENT[0], AGENT)
server.serve_forever()

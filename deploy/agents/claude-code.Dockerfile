# An image for steps that Claude Code does in Docker. Haloop neither builds nor ships it, and no test does: Claude Code is
# Anthropic's, and whoever uses it takes it from npm under its terms. Build it where the daemon is, and name it in a step
# (`image`) or for all of them (`sandbox.docker_image`):
#
#     docker build -t haloop/claude-code -f deploy/agents/claude-code.Dockerfile deploy/agents
#
# In agents.file its command is then ["claude-agent-acp"], with model = "anthropic" and nothing in `readable`.
FROM node:22-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-minimal libpython3-stdlib git ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# python3 carries the calls to the model's socket; git is for what the agent looks up in a project.
RUN npm install --global @anthropic-ai/claude-code@2.1.197 @agentclientprotocol/claude-agent-acp@0.49.0 \
 && npm cache clean --force
ENV CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1
# The sandbox says who it runs as; its folder is /mission, and all else is read-only.
USER 1000

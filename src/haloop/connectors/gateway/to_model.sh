# Opens the way to the model inside a sandbox, and then becomes the agent: to_model.sh PORT SOCKET COMMAND...
# It needs Python 3 or socat; where there is neither, it ends with a code of its own and the agent is not begun.
port=$1 socket=$2
if command -v python3 >/dev/null 2>&1; then
    exec python3 -I -S -B "$(dirname "$0")/to_model.py" "$@"
fi
shift 2
if command -v socat >/dev/null 2>&1; then
    socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$socket" </dev/null >/dev/null 2>&1 &
    until grep -q "^ *[0-9]*: 0100007F:$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp; do
        kill -0 $! 2>/dev/null || exit 96
        sleep 0.05
    done
    exec "$@"
fi
echo "This image has neither python3 nor socat, and one of them carries the agent's calls to its model." >&2
exit 96

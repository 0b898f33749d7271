# Opens the way to the model inside a sandbox, and then becomes the agent: to_model.sh PORT SOCKET COMMAND...
# It needs Python 3.8 or socat. Whatever carries the calls asks something of no consequence first: so Haloop knows that
# the agent was begun. Where nothing carries them it is not, and the code with which this ends means that.
port=$1 socket=$2
if python3 -I -S -B -c 'import asyncio, socket; socket.create_server' </dev/null >/dev/null 2>&1; then
    exec python3 -I -S -B "$(dirname "$0")/to_model.py" "$@"
fi
shift 2
no_way() {
    echo "$1 Nothing carries the agent's calls to its model." >&2
    exit 96
}
command -v socat >/dev/null 2>&1 || no_way "This image has neither python3 nor socat, or a python3 before 3.8 or without asyncio."
socat "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr" "UNIX-CONNECT:$socket" </dev/null >/dev/null 2>&1 &
until grep -q "^ *[0-9]*: 0100007F:$(printf %04X "$port") 00000000:0000 0A" /proc/net/tcp; do
    kill -0 $! 2>/dev/null || no_way "socat cannot listen on port $port."
    sleep 0.05
done
printf 'GET / HTTP/1.0\r\n\r\n' | socat -t 60 - "UNIX-CONNECT:$socket,shut-none" 2>/dev/null | grep -q HTTP ||
    no_way "socat does not reach $socket."
exec "$@"

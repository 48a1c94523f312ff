#!/bin/sh
# hallpass: the command line of the Hallpass app. It asks the running app over its socket; it holds no secret of its own.
# Plain POSIX shell, because releases of the app can't run as Node and this has to work wherever the app does; perl, python3
# or socat carries the bytes (a shell has no sockets), whichever is there.
set -u
# What is set before the command starts is called hallpass_…: any other name may be one of the caller's variables, or of the
# credential's, and the command has to find those as they are.
unset hallpass_token hallpass_answer hallpass_body
# The folder of the app's socket. Empty in the copy that comes with the package: that one looks for the app's own.
hallpass_at=''

usage() {
  cat >&2 <<'END'
usage: hallpass list
       hallpass run <resource>[.<level>] -- <command> [<argument> ...]
       hallpass credential-process <resource>[.<level>]

run                 the credential is in the command's environment; it is ended when the access is
credential-process  keys as the AWS tools read them (for credential_process in ~/.aws/config)
list                what is on this machine now, with the time that is left
END
  exit 64
}

fail() {
  printf 'hallpass: %s\n' "$1" >&2
  exit 69
}

hallpass_nl='
'

# One line to the app, its answer to standard output. The token goes through a pipe: it is in nobody's arguments.
carry() {
  if command -v perl >/dev/null 2>&1; then
    perl -e 'use Socket; alarm 10; socket(S, PF_UNIX, SOCK_STREAM, 0) && connect(S, sockaddr_un($ARGV[0])) or exit 1;
      $l = <STDIN>; syswrite(S, $l); print $b while sysread(S, $b, 65536)' "$1"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(sys.stdin.readline().encode())
for b in iter(lambda: s.recv(65536), b""): sys.stdout.buffer.write(b)' "$1"
  elif command -v socat >/dev/null 2>&1; then
    socat -t 10 - "UNIX-CONNECT:$1"
  else
    fail 'perl, python3 or socat is needed to talk to the app; none of them is installed.'
  fi
}

# Sets `hallpass_body` to what the app says, or ends with its words.
ask() {
  [ -S "$hallpass_at/h" ] && [ -r "$hallpass_at/token" ] || fail 'The Hallpass app is not running.'
  # A folder that is not ours would be somebody else's app.
  [ -O "$hallpass_at" ] && [ -O "$hallpass_at/h" ] && [ -O "$hallpass_at/token" ] || fail "$hallpass_at belongs to another user."
  read -r hallpass_token <"$hallpass_at/token" || fail 'The Hallpass app is not running.'
  hallpass_answer=$(printf '1 %s %s\n' "$hallpass_token" "$*" | carry "$hallpass_at/h" 2>/dev/null) || hallpass_answer=
  hallpass_token=
  case $hallpass_answer in
    ok) hallpass_body= ;;
    "ok$hallpass_nl"*) hallpass_body=${hallpass_answer#"ok$hallpass_nl"} ;;
    'error '*) fail "${hallpass_answer#error }" ;;
    '') fail 'The Hallpass app is not running.' ;;
    *) fail 'What answers there is not the Hallpass app.' ;;
  esac
}

# Only what the app could know goes on the line.
name_of() {
  case $1 in
    '' | *[!a-z0-9._-]*) fail "There can be no access called “$1”." ;;
  esac
}

# Sets `born` to when the process began, empty when it is gone: a number that is used again is not the same process.
look() {
  born=
  if [ -r /proc/self/stat ]; then
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -f
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    set +f
    case $1 in [ZX]) ;; *) born=${20} ;; esac
  else
    case $(ps -o stat= -p "$1" 2>/dev/null) in
      '' | Z*) ;;
      *) born=$(ps -o lstart= -p "$1" 2>/dev/null) ;;
    esac
  fi
}

# The process and all that came from it, a number per line.
family() {
  ps -A -o pid= -o ppid= 2>/dev/null | awk -v root="$1" '
    { parent[$1] = $2 }
    END { for (p in parent) { q = p; n = 0
            while (q != root && q in parent && q > 1 && n++ < 100) q = parent[q]
            if (q == root) print p } }'
}

# Ends the command when the lease is over, and tells the app when it has ended by itself.
watch_over() {
  command_pid=$1 lease=$2 grant=$3 run=$4
  trap '' HUP INT QUIT TERM TSTP TTIN TTOU PIPE
  cd / || exit 0
  look "$command_pid"
  began=$born
  while [ -n "$born" ] && [ "$born" = "$began" ]; do
    if ! [ -e "$lease" ]; then
      end_command
      break
    fi
    sleep 1
    look "$command_pid"
  done
  (ask ended "$grant" "$run") >/dev/null 2>&1
}

end_command() {
  { printf '\nhallpass: the access is over; the command is ended.\n' >/dev/tty; } 2>/dev/null
  doomed=$(family "$command_pid")
  [ -n "$doomed" ] || doomed=$command_pid
  # shellcheck disable=SC2086
  kill -TERM $doomed 2>/dev/null
  # A stopped process hears nothing before it goes on.
  # shellcheck disable=SC2086
  kill -CONT $doomed 2>/dev/null
  for _ in 1 2 3 4 5; do
    sleep 1
    # shellcheck disable=SC2086
    any_left $doomed || return 0
  done
  # shellcheck disable=SC2046,SC2086
  kill -KILL $doomed $(family "$command_pid") 2>/dev/null
}
# One by one: of several numbers, some shells say "gone" as soon as one is.
any_left() {
  for each; do
    kill -0 "$each" 2>/dev/null && return 0
  done
  return 1
}

if [ -z "$hallpass_at" ]; then
  for hallpass_own in "${XDG_CONFIG_HOME:-$HOME/.config}/Hallpass/bin/hallpass" "$HOME/Library/Application Support/Hallpass/bin/hallpass"; do
    [ -x "$hallpass_own" ] && [ -O "$hallpass_own" ] && exec "$hallpass_own" "$@"
  done
  fail 'Start the Hallpass app once first.'
fi

case ${1-} in
  credential-process)
    [ $# -eq 2 ] || usage
    name_of "$2"
    ask credential-process "$2"
    printf '%s\n' "$hallpass_body"
    ;;
  list)
    [ $# -eq 1 ] || usage
    ask list
    [ -z "$hallpass_body" ] || printf '%s\n' "$hallpass_body"
    ;;
  run)
    [ $# -ge 3 ] || usage
    name_of "$2"
    hallpass_name=$2
    shift 2
    [ "$1" = -- ] && shift
    [ $# -gt 0 ] || usage
    ask run sh "$hallpass_name" $$
    eval "$hallpass_body"
    unset hallpass_body hallpass_answer
    # The command takes this very process: its number, its terminal, its signals and its exit code are the caller's. What
    # watches over it is nobody's child and holds nothing of the caller's open.
    ( (watch_over $$ "$hallpass_lease" "$hallpass_grant" "$hallpass_run") </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &)
    exec "$@"
    ;;
  *) usage ;;
esac

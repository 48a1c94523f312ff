/**
 * The script that is installed on a host, as it is (the recipe carries it). POSIX sh, for Linux: OpenSSH's own tools, flock, awk.
 *
 * It is two things. sshd runs it as AuthorizedPrincipalsCommand at each log-in with a certificate: there it notes which sshd
 * process serves which serial (its parent; nobody but root can change that) and says no to what was ended or never announced.
 * And the service runs it over ssh, with a certificate that allows nothing else: it announces certificates, puts a revocation
 * list in place, ends the sessions of a serial and says what is there.
 *
 * Why sessions are known by process and not by log lines or environment: a holder can change their own environment, and logs
 * lie elsewhere on every host. Why both a list and a mark of its own: sshd reads the list before it asks this script, so a log-in
 * that was under way when the list changed is caught by the mark, under the same lock.
 *
 * A crash at any line leaves the list whole (rename), and at worst a mark without a list entry: closed, and ended again.
 */
import { SSH_HOOK_PRINCIPAL } from '../../../../shared/contract/ssh';

/** Raised when the service needs more of the script; the connection test says when a host has an older one. */
export const HOOK_VERSION = 1;
export const HOOK_FILE = '/usr/local/sbin/hallpass-ssh-hook';
/** Where the script keeps what it knows, and where an account's file says which principals may log in to it. */
export interface HookFolders {
  readonly state: string;
  readonly principals: string;
}
export const HOOK_FOLDERS: HookFolders = {
  state: '/var/lib/hallpass-ssh',
  principals: '/etc/ssh/hallpass-principals',
};
/** Marks of ended certificates are kept this long: longer than any certificate lives. */
const KEEP_DAYS = 10;

/** The script. Other folders than the usual ones are for a host that has them elsewhere (and for tests). */
export const hostHook = (folders: HookFolders = HOOK_FOLDERS): string => `#!/bin/sh
# Hallpass: the hook of an SSH host. What it does and how it is installed: docs/ssh.md
# Run by sshd:        hallpass-ssh-hook principals <serial> <key id> <user>
# Run by Hallpass:    over ssh, the words in SSH_ORIGINAL_COMMAND
# Run by an admin:    hallpass-ssh-hook setup | sweep | end <key id>
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH
umask 077
LC_ALL=C; export LC_ALL
version=${HOOK_VERSION}
state='${folders.state}'
allowed='${folders.principals}'
krl=$state/revoked.krl

fail() { printf 'error %s\\n' "$*"; exit 1; }
number() { case $1 in ''|*[!0-9]*) fail "expected a number";; esac; [ "\${#1}" -le 20 ] || fail "expected a number"; }
word() { case $1 in ''|.*|*[!A-Za-z0-9_.-]*) fail "expected a name";; esac; [ "\${#1}" -le 64 ] || fail "expected a name"; }
lock() { exec 9>"$state/lock" || exit 1; flock -w 8 9 || fail "busy"; }
unlock() { exec 9>&-; }
# The point in time a process began, so that a number used again is not taken for it; empty when it is gone.
started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() { [ -n "$2" ] && [ "$(started "$1")" = "$2" ]; }
# Every process below the given ones, by parents.
below() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v roots="$*" '
    { pid = $1; sub(/^.*\\) /, ""); parent[pid] = $2 }
    END { n = split(roots, r, " "); for (i = 1; i <= n; i++) in_[r[i]] = 1
      do { more = 0; for (p in parent) if (!(p in in_) && (parent[p] in in_)) { in_[p] = 1; more = 1 } } while (more)
      for (i = 1; i <= n; i++) delete in_[r[i]]
      for (p in in_) printf "%s ", p }'
}
# Processes of sshd that serve this serial and still run; dead notes are cleared away.
serving() {
  for note in "$state"/sessions/*; do
    [ -f "$note" ] || continue
    read -r serial began _ < "$note" || continue
    pid=\${note##*/}
    if ! alive "$pid" "$began"; then rm -f "$note"; continue; fi
    [ "$serial" = "$1" ] && printf '%s ' "$pid"
  done
}
# Stops everything first, so that nothing can be forked away from under us, then kills from the leaves up.
cut_sessions() {
  roots=$(serving "$1"); [ -n "$roots" ] || { printf '0'; return; }
  before=; tries=0
  while :; do
    tree=$(below $roots)
    [ -n "$tree" ] && kill -STOP $tree 2>/dev/null
    tries=$((tries + 1))
    [ "$tree" = "$before" ] || [ "$tries" -ge 20 ] && break
    before=$tree
  done
  [ -n "$tree" ] && kill -KILL $tree 2>/dev/null
  kill -KILL $roots 2>/dev/null
  tries=0
  while [ -n "$(serving "$1")" ] && [ "$tries" -lt 50 ]; do sleep 0.02; tries=$((tries + 1)); done
  set -- $roots; printf '%s' "$#"
}
digest() { if [ -f "$krl" ]; then sha256sum < "$krl" | cut -d' ' -f1; else echo none; fi; }
say_one() {
  issued=no until=0; ended=no
  if [ -f "$state/issued/$1" ]; then issued=yes; read -r _ _ until _ < "$state/issued/$1"; fi
  [ -e "$state/ended/$1" ] && ended=yes
  set -- $(serving "$1") ; printf 'one issued=%s until=%s ended=%s sessions=%s\\n' "$issued" "$until" "$ended" "$#"
}
say_krl() {
  printf 'krl %s %s\\n' "$(digest)" "$(base64 < "$krl" 2>/dev/null | tr -d '\\n')"
  find "$state/ended" -type f -mtime +${KEEP_DAYS} 2>/dev/null | while read -r old; do printf 'lapsed %s\\n' "\${old##*/}"; done
}

# Puts a new list in place of the one that Hallpass saw; another round when another service was quicker.
exchange() {
  rounds=0
  while [ "$rounds" -lt 20 ]; do
    rounds=$((rounds + 1))
    say_krl; printf 'ready\\n'
    read -r base text || exit 0
    [ "$base" = keep ] && break
    lock
    if [ "$(digest)" = "$base" ]; then
      printf '%s' "$text" | base64 -d > "$krl.new" 2>/dev/null && ssh-keygen -Q -l -f "$krl.new" > /dev/null 2>&1 || { rm -f "$krl.new"; fail "bad list"; }
      sync "$krl.new"; mv -f "$krl.new" "$krl" || fail "disk"
      find "$state/ended" -type f -mtime +${KEEP_DAYS} -exec rm -f {} + 2>/dev/null
      unlock; break
    fi
    unlock
  done
  printf 'stored %s\\n' "$(digest)"
}

case \${1:-} in
principals)
  # sshd asks who may log in with this certificate. Silence means nobody.
  serial=\${2:-} id=\${3:-} user=\${4:-}
  case $serial in ''|*[!0-9]*) exit 0;; esac
  case $user in ''|*[!A-Za-z0-9_.-]*|.*) exit 0;; esac
  case $id in
  hp_*)
    exec 9>"$state/lock" && flock -w 8 9 || exit 0
    [ -e "$state/ended/$serial" ] && exit 0
    [ -f "$state/issued/$serial" ] || exit 0
    read -r name _ until _ < "$state/issued/$serial" || exit 0
    [ "$name" = "$id" ] && [ "$(date +%s)" -lt "$until" ] || exit 0
    printf '%s %s\\n' "$serial" "$(started $PPID)" > "$state/new.$PPID" && mv -f "$state/new.$PPID" "$state/sessions/$PPID" || exit 0
    unlock;;
  ${SSH_HOOK_PRINCIPAL}) started $PPID > "$state/own/$PPID" 2>/dev/null;;
  esac
  if [ -f "$allowed/$user" ]; then cat "$allowed/$user"
  elif [ "$(id -u "$user" 2>/dev/null || echo 0)" != 0 ]; then printf '%s\\n' "$user"
  fi
  exit 0;;
setup)
  mkdir -p "$state/issued" "$state/ended" "$state/sessions" "$state/own" "$allowed" && chmod 700 "$state" || exit 1
  [ -f "$krl" ] || ssh-keygen -q -k -f "$krl" < /dev/null || exit 1
  printf '%s\\n' "Ready. $krl is the revocation list."; exit 0;;
sweep)
  # For a timer: ends what is over by the host's own clock, also while no Hallpass runs.
  now=$(date +%s)
  for file in "$state"/issued/*; do
    [ -f "$file" ] || continue
    read -r _ _ until _ < "$file" || continue
    [ "$now" -ge "$until" ] && cut_sessions "\${file##*/}" > /dev/null
  done
  exit 0;;
end)
  # On the console, when Hallpass can not get here: that certificate opens nothing any more, and its sessions are cut.
  word "\${2:-}"
  [ -d "$state/issued" ] && [ -w "$state/ended" ] || fail "run this as root, on a host where the hook is set up"
  for file in "$state"/issued/*; do
    [ -f "$file" ] && read -r name _ < "$file" && [ "$name" = "$2" ] || continue
    serial=\${file##*/}
    lock; : > "$state/ended/$serial" || fail "disk"; unlock
    printf '%s is ended; open sessions cut: %s\\n' "$name" "$(cut_sessions "$serial")"; exit 0
  done
  fail "no certificate $2 was announced here";;
'') ;;
*) echo 'usage: hallpass-ssh-hook setup | sweep | end <key id>' >&2; exit 2;;
esac

set -f; set -- \${SSH_ORIGINAL_COMMAND:-}; set +f
[ -d "$state/issued" ] || fail "not set up: run hallpass-ssh-hook setup"
verb=\${1:-}; [ "$#" -gt 0 ] && shift
printf 'hook %s %s\\n' "$version" "$(date +%s)"
case $verb in
check)
  seen=no; pid=$$
  while [ "$pid" -gt 1 ]; do
    [ -f "$state/own/$pid" ] && alive "$pid" "$(cat "$state/own/$pid")" && { seen=yes; break; }
    pid=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f2); [ -n "$pid" ] || break
  done
  find "$state/own" -type f -mmin +60 -exec rm -f {} + 2>/dev/null
  printf 'seen %s\\n' "$seen"
  for user; do word "$user"; id -u "$user" > /dev/null 2>&1 && printf 'account %s %s\\n' "$user" "$(id -u "$user")"; done
  say_krl;;
issue)
  # serial principal resource user seconds
  number "\${1:-}"; word "\${2:-}"; word "\${3:-}"; word "\${4:-}"; number "\${5:-}"
  id -u "$4" > /dev/null 2>&1 || fail "no account $4"
  lock
  [ -e "$state/ended/$1" ] && fail "ended"
  if [ -f "$state/issued/$1" ]; then read -r name _ < "$state/issued/$1"; [ "$name" = "$2" ] || fail "taken"; fi
  until=$(( $(date +%s) + $5 ))
  printf '%s %s %s\\n' "$2" "$3" "$until" > "$state/new.$1" && sync "$state/new.$1" && mv -f "$state/new.$1" "$state/issued/$1" || fail "disk"
  unlock
  printf 'until %s\\n' "$until";;
one) number "\${1:-}"; say_krl; say_one "$1";;
list)
  word "\${1:-}"
  for file in "$state"/issued/*; do
    [ -f "$file" ] || continue
    read -r name resource _ < "$file" || continue
    [ "$resource" = "$1" ] && printf 'name %s\\n' "$name"
  done;;
krl) exchange;;
end)
  # The mark first: from here on no log-in that is under way gets in.
  number "\${1:-}"
  lock; : > "$state/ended/$1" || fail "disk"; unlock
  printf 'cut %s\\n' "$(cut_sessions "$1")"
  exchange
  say_one "$1";;
forget) number "\${1:-}"; lock; [ -e "$state/ended/$1" ] || fail "live"; rm -f "$state/issued/$1"; unlock; say_one "$1";;
*) fail "unknown word";;
esac
printf 'done\\n'
`;

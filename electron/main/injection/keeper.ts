/**
 * The keeper: a tiny detached process per lease that takes a credential away when the app can't (killed, hung).
 * Why sh: releases can't run as Node, and unlinking needs no more than this. Why per lease: it has one thing to watch and
 * ends when that is gone, so no pid is ever kept or reused.
 * How it counts: once a second it compares time since boot (counts sleep, can't be set back) and the wall clock (on doubt
 * early) with the lease file, which the app rewrites atomically at an extension. It gives the app one second to do
 * it properly, then unlinks everything in the lease's folder. It does not touch the user's own files: those are edited with
 * care by the sweep, which it can start, and hold no secret (but where the person chose a file of variables or of AWS keys).
 * What a crash leaves: the keeper is started before the secret is written, so there is no moment without one.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Name of the file in a lease's folder that tells the deadline: `<boot seconds> <wall seconds> <keeper's name>`. */
export const LEASE_FILE = 'lease';
/** The app acts at the deadline, the keeper this much later. */
export const KEEPER_GRACE_SECONDS = 1;

export interface LeaseDeadline {
  /** Uptime in milliseconds at which it ends; null without a boot clock (then the wall clock alone counts). */
  readonly bootMs: number | null;
  readonly wallMs: number;
}
export interface SweepCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
export interface Keeper {
  /**
   * Starts a keeper for the lease folder. Its name must then be written into the lease file: a keeper that once read its
   * own name and later reads another knows it was replaced and ends.
   * @throws when the process could not be started
   */
  start(lease: { folder: string; name: string; deadline: LeaseDeadline }): Promise<void>;
}

/** No boot clock: a second that never comes. */
const NEVER_SECONDS = 999_999_999_999;
const bootSeconds = (deadline: LeaseDeadline) =>
  deadline.bootMs === null ? NEVER_SECONDS : Math.max(0, Math.ceil(deadline.bootMs / 1_000)) + KEEPER_GRACE_SECONDS;
const wallSeconds = (deadline: LeaseDeadline) => Math.max(0, Math.ceil(deadline.wallMs / 1_000)) + KEEPER_GRACE_SECONDS;

/** Content of the lease file. Whole seconds, rounded up: never early. */
export const leaseText = (deadline: LeaseDeadline, name: string): string =>
  `${bootSeconds(deadline)} ${wallSeconds(deadline)} ${name}\n`;

/**
 * POSIX sh. $1 folder, $2 boot, $3 wall, $4 own name, then an optional command.
 * An unreadable or strange lease file changes nothing: the last good deadline holds. Only plain files in the folder are removed.
 * The deadline counts whoever is named: an app that was killed before it wrote our name left us to watch over what others prolong.
 */
export const KEEPER_SCRIPT = `trap '' HUP INT
trap 'exit 0' TERM
umask 077
d=$1 b=$2 w=$3 me=$4; shift 4
seen=
up() {
  if [ -r /proc/uptime ]; then read -r u _ < /proc/uptime; u=\${u%%.*}
  else u=$(sysctl -n kern.boottime 2>/dev/null); u=\${u#*sec = }; u=\${u%%,*}
    case $u in ''|*[!0-9]*) u=0;; *) u=$(( $(date +%s) - u ));; esac
  fi
}
left() { for f in "$d"/*; do [ -e "$f" ] || [ -L "$f" ] && return 0; done; return 1; }
while left; do
  if { read -r nb nw nn _ < "$d/${LEASE_FILE}"; } 2>/dev/null; then
    case $nb$nw in ''|*[!0-9]*) ;; *)
      if [ "$nn" = "$me" ]; then seen=1
      elif [ -n "$seen" ]; then exit 0
      fi
      b=$nb w=$nw;;
    esac
  fi
  up
  if [ "$u" -ge "$b" ] || [ "$(date +%s)" -ge "$w" ]; then
    rm -f -- "$d"/* "$d"/.[!.]*
    if ! left; then
      rmdir -- "$d" 2>/dev/null
      [ "$#" -gt 0 ] && exec "$@"
      exit 0
    fi
  fi
  sleep 1
done`;

/** The same for Windows PowerShell; built, not run. GetTickCount64 counts sleep. */
export const KEEPER_POWERSHELL = `param($d,[long]$b,[long]$w,$me,$file)
$ErrorActionPreference='SilentlyContinue'
$t=Add-Type -PassThru -Name T -Namespace H -MemberDefinition '[DllImport("kernel32.dll")] public static extern ulong GetTickCount64();'
$seen=$false
while(@(Get-ChildItem -Force -LiteralPath $d).Count -gt 0){
  $p=((Get-Content -LiteralPath (Join-Path $d '${LEASE_FILE}') -TotalCount 1) -split ' ')
  if($p.Count -ge 3 -and $p[0] -match '^\\d+$' -and $p[1] -match '^\\d+$'){
    if($p[2] -eq $me){$seen=$true}elseif($seen){exit}
    $b=[long]$p[0];$w=[long]$p[1]
  }
  $now=[DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
  if([long]($t::GetTickCount64()/1000) -ge $b -or $now -ge $w){
    Get-ChildItem -Force -LiteralPath $d|Remove-Item -Force
    if(@(Get-ChildItem -Force -LiteralPath $d).Count -eq 0){
      Remove-Item -Force -LiteralPath $d
      if($file){Start-Process -WindowStyle Hidden -FilePath $file -ArgumentList $args}
      exit
    }
  }
  Start-Sleep -Seconds 1
}`;

/** Every descriptor of ours becomes /dev/null in the keeper: it must not hold Chromium's sockets and shared memory open. */
function openDescriptorCount(): number {
  for (const folder of ['/proc/self/fd', '/dev/fd']) {
    try {
      return Math.max(...readdirSync(folder).map(Number).filter(Number.isInteger), 2) + 1;
    } catch {
      // the next place
    }
  }
  return 3;
}

function commandFor(
  platform: NodeJS.Platform,
  lease: { folder: string; name: string; deadline: LeaseDeadline },
  sweep: SweepCommand | null,
): { file: string; args: string[] } {
  const facts = [lease.folder, String(bootSeconds(lease.deadline)), String(wallSeconds(lease.deadline)), lease.name];
  const after = sweep ? [sweep.file, ...sweep.args] : [];
  if (platform !== 'win32')
    return { file: '/bin/sh', args: ['-c', KEEPER_SCRIPT, 'hallpass-keeper', ...facts, ...after] };
  const quoted = [...facts, ...after].map((text) => `'${text.replaceAll("'", "''")}'`).join(' ');
  const command = Buffer.from(`& {${KEEPER_POWERSHELL}} ${quoted}`, 'utf16le').toString('base64');
  const file = join(process.env.SystemRoot ?? 'C:\\Windows', 'System32\\WindowsPowerShell\\v1.0\\powershell.exe');
  return { file, args: ['-NoProfile', '-NonInteractive', '-WindowStyle', 'Hidden', '-EncodedCommand', command] };
}

/** Real keepers on this machine. `sweep` runs after a keeper had to act. */
export function systemKeeper(sweep: SweepCommand | null, platform: NodeJS.Platform = process.platform): Keeper {
  return {
    async start(lease) {
      const { file, args } = commandFor(platform, lease, sweep);
      const env =
        platform === 'win32' ? { ...process.env, ...sweep?.env } : { PATH: '/usr/bin:/bin:/usr/sbin', ...sweep?.env };
      const nothing = platform === 'win32' ? null : openSync('/dev/null', 'r+');
      try {
        const stdio = nothing === null ? 'ignore' : Array<number>(openDescriptorCount()).fill(nothing);
        const child = spawn(file, args, {
          detached: true,
          cwd: platform === 'win32' ? undefined : '/',
          env,
          stdio,
          windowsHide: true,
        });
        await new Promise<void>((resolve, reject) => {
          child.once('spawn', resolve);
          child.once('error', reject);
        });
        child.unref();
      } finally {
        if (nothing !== null) closeSync(nothing);
      }
    },
  };
}

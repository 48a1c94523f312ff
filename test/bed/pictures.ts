/**
 * Pictures of the bed for documents and demos.
 * The tray menu and the notification are drawn by programs that people really use (xfce4-panel, xfce4-notifyd) when they
 * are installed, from what the app put on the bus; the bed itself has no look of its own to show.
 */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { NotificationDaemon } from './notifications';
import type { Program } from './processes';
import type { TrayWatcher } from './tray';

export interface PicturePlace {
  readonly env: Record<string, string>;
  readonly folder: string;
  readonly tray: TrayWatcher;
  readonly notifications: NotificationDaemon;
  readonly screen: { readonly width: number; readonly height: number };
  readonly started: (program: Program) => Program;
}

export class Pictures {
  constructor(private readonly place: PicturePlace) {}

  /** Everything on the display. */
  async desktop(file: string): Promise<void> {
    await this.shoot(file, []);
  }

  private async shoot(file: string, args: readonly string[]): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    await runTool('scrot', ['-o', ...args, file], this.place.env);
  }
}

/** Runs a small program to its end and gives its output. */
export function runTool(command: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ${args.join(' ')}: ${output.trim()}`)),
    );
  });
}

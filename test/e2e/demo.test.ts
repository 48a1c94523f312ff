import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { playDemo } from '../demo/play';
import { Timeline } from '../demo/timeline';

/** A minute of it is the grant's own minute. */
const PATIENCE_MS = 240_000;

test(
  'the main job plays from end to end: asked from the tray, approved from a notification, used, and gone',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'demo-'));
    const lines: string[] = [];
    const timeline = new Timeline((line) => lines.push(line));
    try {
      await playDemo(timeline, folder);
      const report = timeline.report();
      expect(report.ok, lines.join('\n')).toBe(true);
      expect(report.steps.length).toBeGreaterThanOrEqual(17);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  PATIENCE_MS,
);

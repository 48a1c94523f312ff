/**
 * Draws the icon that a release carries: `npx tsx electron/dev/app-icon.ts`. The shapes are those of the running app
 * (electron/main/tray/icon.ts), so that package, window and notification show the same pass. Run it after changing them;
 * a test compares the file with the shapes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawAppIcon, encodePng } from '../main/tray/icon';

/** electron-builder makes the smaller sizes of each system from it; macOS wants 1024. */
const SIZE_PX = 1024;
const folder = fileURLToPath(new URL('package/', import.meta.url));

mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}icon.png`, encodePng(drawAppIcon(SIZE_PX), SIZE_PX));

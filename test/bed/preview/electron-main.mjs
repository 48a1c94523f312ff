/** Runs in Electron: opens scenes under the real content security policy and writes their pictures. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { app, BrowserWindow, protocol } from 'electron';

const { built, out, wanted, themes, sizes, axeFile } = JSON.parse(readFileSync(process.env.PREVIEW_PLAN ?? '', 'utf8'));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** @type {Readonly<Record<string, string>>} */
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
};
const WAIT_MS = 15_000;
const PAGE = 'app://hallpass/test/bed/preview/index.html';
// the consent card is looked at in the sizes of its pane at both window sizes, and of its small window
const CONSENT_SIZES = {
  pane: [
    { width: 1004, height: 800 },
    { width: 618, height: 600 },
  ],
  window: [{ width: 480, height: 640 }],
};
/** @param {string} scene */
const sizesOf = (scene) =>
  scene.startsWith('consent-window') ? CONSENT_SIZES.window : scene.startsWith('consent') ? CONSENT_SIZES.pane : sizes;
/** @param {readonly string[]} known */
const shotsOf = (known) =>
  known
    .filter((name) => wanted.length === 0 || wanted.some((/** @type {string} */ one) => fits(one, name)))
    .flatMap((scene) =>
      themes.flatMap((/** @type {string} */ theme) =>
        sizesOf(scene).map((/** @type {object} */ size) => ({ scene, theme, ...size })),
      ),
    );
/** @param {string} one @param {string} name */
const fits = (one, name) => name === one || (one.endsWith('*') && name.startsWith(one.slice(0, -1)));

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
// not awaited at the top: Electron holds 'ready' back until this module is done
app.whenReady().then(takePictures);
app.on('window-all-closed', () => undefined);

async function takePictures() {
  protocol.handle('app', (request) => {
    const file = path.join(built, path.normalize(new URL(request.url).pathname));
    try {
      return new Response(readFileSync(file), {
        headers: {
          'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream',
          'content-security-policy': CSP,
        },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  mkdirSync(out, { recursive: true });
  const shots = shotsOf(await sceneNames());
  let faults = 0;
  for (const { scene, theme, width, height } of shots) {
    const window = new BrowserWindow({
      width,
      height,
      useContentSize: true,
      frame: false,
      show: true,
      webPreferences: { sandbox: true },
    });
    const name = `${scene}-${theme}${width < 1000 ? '-narrow' : ''}`;
    window.webContents.on('console-message', (_event, level, message) => {
      if (level >= 2) {
        faults++;
        console.log(`${name}: ${message}`);
      }
    });
    await window.loadURL(`${PAGE}?scene=${scene}&theme=${theme}`);
    const deadlineAt = Date.now() + WAIT_MS;
    while (!(await window.webContents.executeJavaScript('window.previewDone === true')) && Date.now() < deadlineAt)
      await new Promise((done) => setTimeout(done, 30));
    if (axeFile !== null) {
      // focus guards are Base UI's way to keep Tab inside a popup: hidden, and they pass focus on at once
      await window.webContents.executeJavaScript(`${readFileSync(axeFile, 'utf8')};0`);
      /** @type {{ id: string, impact: string, nodes: { html: string, failureSummary: string }[] }[]} */
      const found = await window.webContents.executeJavaScript(
        'axe.run({ exclude: ["[data-base-ui-focus-guard]"] }).then((r) => JSON.parse(JSON.stringify(r.violations)))',
      );
      for (const { id, impact, nodes } of found.filter(
        (one) => one.impact === 'serious' || one.impact === 'critical',
      )) {
        faults++;
        console.log(
          `${name}: axe ${impact} ${id}\n  ${nodes.map((one) => `${one.html.slice(0, 160)} ${one.failureSummary.split('\n')[1] ?? ''}`).join('\n  ')}`,
        );
      }
    }
    const picture = await window.webContents.capturePage();
    writeFileSync(path.join(out, `${name}.png`), picture.toPNG());
    window.destroy();
  }
  console.log(`${shots.length} pictures in ${out}, ${faults} complaints`);
  app.exit(0);
}
/** The page knows them: scenes of kinds are made there. @returns {Promise<string[]>} */
async function sceneNames() {
  const window = new BrowserWindow({ show: false, webPreferences: { sandbox: true } });
  await window.loadURL(PAGE);
  const names = await window.webContents.executeJavaScript('window.previewScenes');
  window.destroy();
  return names;
}

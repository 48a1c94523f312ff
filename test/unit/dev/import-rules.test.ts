import { describe, expect, test } from 'vitest';
import { checkImports, importsOf } from '../../../electron/dev/import-rules.mjs';

const check = async (file: string, source: string) =>
  checkImports(file, await importsOf(source, file.endsWith('x') ? 'tsx' : 'ts'));

describe('an import that breaks the rules is found', () => {
  test.each([
    ['shared/domain/a.ts', `import { app } from 'electron';`],
    ['shared/domain/a.ts', `import fs from 'node:fs';`],
    ['shared/domain/a.ts', `import fs from 'fs/promises';`],
    ['shared/domain/a.ts', `export * from '../../electron/service/errors';`],
    ['electron/service/a.ts', `const { app } = await import('electron');`],
    ['electron/service/http/a.ts', `import Store from 'electron-store';`],
    ['electron/service/a.ts', `import { tray } from '../main/tray/tray';`],
    ['electron/main/a.ts', `import type { Service } from '../service/service';`],
    ['electron/main/tray/a.ts', `type Store = import('../../service/store/store').Store;`],
    ['electron/main/tray/a.ts', `import { ipcMain } from 'electron';`],
    ['renderer/app/a.tsx', `import { ipcRenderer } from 'electron';`],
    ['renderer/app/a.tsx', `const fs = require('node:fs');`],
    ['renderer/app/a.tsx', `import { card } from '../consent/card';`],
    ['renderer/consent/a.ts', `import { z } from 'zod';`],
    ['renderer/consent/a.ts', `import { RequestView } from '../../shared/contract/requests';`],
    ['renderer/consent/a.ts', `import type { State } from '../../shared/domain/states';`],
    ['renderer/ui/geometry/a.ts', `import { z } from 'zod';`],
    ['electron/preload/a.ts', `import { limits } from '../../shared/domain/limits';`],
  ])('%s: %s', async (file, source) => {
    const wrong = await check(file, source);
    expect(wrong).not.toEqual([]);
    expect(wrong[0]).toContain(file);
  });
});

describe('an import within the rules is left alone', () => {
  test.each([
    ['shared/crypto/a.ts', `import { sha256 } from '@noble/hashes/sha2.js'; import { b } from './b';`],
    ['electron/service/a.ts', `import fs from 'node:fs'; import { ids } from '../../shared/domain/ids';`],
    ['electron/main/ipc/a.ts', `import { ipcMain } from 'electron';`],
    ['electron/main/a.ts', `import { app } from 'electron'; import { x } from '../../shared/contract/ipc';`],
    [
      'electron/preload/a.ts',
      `import { ipcRenderer } from 'electron'; import type { X } from '../../shared/contract/ipc';`,
    ],
    ['renderer/app/a.tsx', `import { useState } from 'react'; import { x } from '../../shared/domain/ids';`],
    ['renderer/consent/a.ts', `import type { X } from '../../shared/contract/requests'; import './consent.css';`],
    ['renderer/consent/a.ts', `import { seal } from '../ui/geometry/seal';`],
    ['test/unit/a.test.ts', `import { ipcMain } from 'electron'; import { s } from '../../electron/service/service';`],
    ['shared/domain/a.ts', `// import fs from 'node:fs';\nexport const text = "import { app } from 'electron'";`],
  ])('%s: %s', async (file, source) => {
    expect(await check(file, source)).toEqual([]);
  });
});

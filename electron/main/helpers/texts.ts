/** The helper's own text, bundled with the app. Apart from the rest, because only the bundler can read it so. */
/// <reference path="./raw.d.ts" />
import powershell from './hallpass.ps1?raw';
import shell from './hallpass.sh?raw';

export const HELPER_TEXTS = { shell, powershell };

/** Settings of one desktop (electron-store). Never secrets, never leases. */
import { z } from 'zod';
import { NOTHING_ENDS } from '../domain/end-signals';
import { EndOn, Slug } from './fields';

export const Settings = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  closeToTray: z.enum(['ask', 'tray', 'quit']).default('ask'),
  openAtLogin: z.boolean().default(false),
  paletteShortcut: z.string().max(64).default('CommandOrControl+Shift+Space'),
  notifications: z.boolean().default(true),
  startWhen: z.enum(['connected', 'manual']).default('connected'),
  /** Path of the connection service file when the login shell’s PGSERVICEFILE is not the one wanted. */
  pgServiceFile: z.string().max(4096).nullable().default(null),
  /** A file of variables (`.env`) for each resource whose credential is named values: a marked block there while access lives. */
  envFiles: z
    .array(z.strictObject({ resource: Slug, path: z.string().min(1).max(4096) }))
    .max(100)
    .default([]),
  /** Whether access to a cluster also gets a context in the person’s own kubeconfig. */
  kubeconfigPlace: z.enum(['own', 'merged']).default('own'),
  /** How an AWS profile gets its keys: by asking this app each time, or from the shared credentials file. */
  awsCredentials: z.enum(['process', 'file']).default('process'),
  /** Whether a key for SSH also goes into the running ssh-agent, for tools that read no files. */
  sshPlace: z.enum(['files', 'agent']).default('files'),
  favourites: z
    .array(z.strictObject({ resourceId: z.string(), level: z.string() }))
    .max(50)
    .default([]),
  recent: z
    .array(z.strictObject({ resourceId: z.string(), level: z.string(), ttlMs: z.int(), reason: z.string() }))
    .max(10)
    .default([]),
  /** What ends access on this desktop early; the policy may require more. */
  endOn: EndOn.default(NOTHING_ENDS),
  quitWithGrants: z.enum(['ask', 'stay', 'end']).default('ask'),
  windowBounds: z.strictObject({ x: z.int(), y: z.int(), width: z.int(), height: z.int() }).nullable().default(null),
});
export type Settings = z.infer<typeof Settings>;

/**
 * A change of some settings. Not `Settings.partial()`: a default inside of an optional field is filled in when the field is
 * missing, and a change of one setting would put all the others back.
 */
const withoutDefaults = Object.fromEntries(
  Object.entries(Settings.shape).map(([name, field]) => [name, field.unwrap().optional()]),
) as { [K in keyof typeof Settings.shape]: z.ZodOptional<ReturnType<(typeof Settings.shape)[K]['unwrap']>> };
export const SettingsChange = z.strictObject(withoutDefaults);
export type SettingsChange = z.infer<typeof SettingsChange>;

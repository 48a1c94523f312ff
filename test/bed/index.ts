/** The headless desktop for end-to-end tests, the demo and the bench. */
export type { BedApp, LaunchOptions, PersonFolders } from './app';
export { openLink } from './app';
export { type Bed, type BedOptions, startBed } from './bed';
export type { NotificationAbility, ShownNotification } from './notifications';
export type { PictureResult } from './pictures';
export { DbusMenu, TrayItem, type TrayMenuItem } from './tray';
export { until } from './until';

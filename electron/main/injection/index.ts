/** The door of this room. Contracts first: see types.ts. */
import type { DesktopInjectorOptions, Injector, InjectorDeps } from './types';

export { InjectionError } from './errors';
export type * from './types';

export declare const createInjector: (deps: InjectorDeps) => Injector;
/** Usual deps for this machine: real files, clocks, login shell and keepers. */
export declare const desktopInjectorDeps: (options: DesktopInjectorOptions) => InjectorDeps;

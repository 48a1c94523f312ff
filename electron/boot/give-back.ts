/**
 * Loading leaves garbage, and an app that then sits in the tray allocates too little for V8 to ever collect it: 3 to 4 MB in
 * each of our two processes. Collected once, when the start is over; it stops the process for about 30 ms.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const START_IS_OVER_AFTER_MS = 2_500;

export function giveBackAfterStart(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc'); // only a context made under it has the function
    const collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
    collect();
  }, START_IS_OVER_AFTER_MS).unref();
}

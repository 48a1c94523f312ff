/**
 * How set-up talks: one line per step, a counting line while something long runs, nothing when there is nothing to do.
 * A terminal gets a line that rewrites itself; a log file gets a line now and then, so it stays readable.
 */
const LOG_LINE_EVERY_MS = 10_000;

/**
 * @typedef {object} Progress
 * @property {(text: string) => void} update shows `text` after the step's name
 * @property {(text?: string) => void} done ends the line
 */

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Starts a step that may take long.
 * @param {string} name
 * @returns {Progress}
 */
export function startStep(name) {
  const startedAt = Date.now();
  const live = process.stderr.isTTY === true;
  let lastLineAt = startedAt;
  let text = '';
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  const show = () => {
    const line = `${name} … ${text}${text ? ', ' : ''}${seconds()}`;
    if (live) process.stderr.write(`\r\x1b[K${line}`);
    else if (Date.now() - lastLineAt >= LOG_LINE_EVERY_MS) {
      lastLineAt = Date.now();
      say(line);
    }
  };
  if (!live) say(`${name} …`);
  const timer = setInterval(show, live ? 200 : 1000);
  timer.unref();
  return {
    update(next) {
      text = next;
    },
    done(last = 'done') {
      clearInterval(timer);
      const line = `${name}: ${last} (${seconds()})`;
      say(live ? `\r\x1b[K${line}` : line);
    },
  };
}

/**
 * @param {number} bytes
 * @returns {string} "123 MB"
 */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1_000_000)} MB`;
}

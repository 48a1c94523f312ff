/**
 * A reporter of Vitest for what its JSON report leaves out: errors outside of every test (a rejection that nobody hears, an
 * 'error' event without listener). They fail the run, and are often the only trace of why.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';

export default class OutsideErrors {
  /**
   * @param {readonly unknown[]} _modules
   * @param {readonly { name?: string, message?: string, stack?: string, VITEST_TEST_PATH?: string, VITEST_TEST_NAME?: string }[]} errors
   */
  onTestRunEnd(_modules, errors) {
    const file = process.env.HALLPASS_OUTSIDE_ERRORS;
    if (file === undefined) return;
    const described = errors.map((error) => {
      const during = [error.VITEST_TEST_PATH, error.VITEST_TEST_NAME].filter(Boolean).join(' › ');
      return [during && `during ${during}`, error.stack || `${error.name}: ${error.message}`]
        .filter(Boolean)
        .join('\n');
    });
    writeFileSync(file, JSON.stringify(described));
  }
}

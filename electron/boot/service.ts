/** First file of the bundled service, Electron's utility process. */
import { runFromCache } from './code-cache';

runFromCache(__dirname, 'service');
void import('../service/entry-electron');

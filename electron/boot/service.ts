/** First file of the bundled service, Electron's utility process. */
import { useCodeCache } from './code-cache';

useCodeCache(__dirname, 'service');
void import('../service/entry-electron');

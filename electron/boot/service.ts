/** First file of the bundled service, Electron's utility process. */
import { runFromCache } from './code-cache';
import { giveBackAfterStart } from './give-back';

runFromCache(__dirname, 'service');
void import('../service/entry-electron');
giveBackAfterStart();

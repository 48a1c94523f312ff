/** First file of the app. */
import { runFromCache } from './code-cache';
import { giveBackAfterStart } from './give-back';

runFromCache(__dirname, 'main');
void import('../main/main');
giveBackAfterStart();

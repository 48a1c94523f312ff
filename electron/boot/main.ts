/** First file of the app. */
import { runFromCache } from './code-cache';

runFromCache(__dirname, 'main');
void import('../main/main');

/** First file of the app. */
import { useCodeCache } from './code-cache';

useCodeCache(__dirname, 'main');
void import('../main/main');

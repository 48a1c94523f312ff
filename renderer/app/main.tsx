/** Entry of the main window. Each line is one part, in the order it wakes up. */
import { z } from 'zod';
import '../ui/ui.css';
import './app.css';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { listenToKeys } from './keys';
import { followEvents } from './queries';
import { followMain } from './session';

z.config({ jitless: true }); // zod would probe `new Function`, which our content security policy refuses
followMain();
followEvents();
listenToKeys();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(<App />);

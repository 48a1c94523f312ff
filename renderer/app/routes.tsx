/** The router: the shell with one route per screen. Hash history, so that a reload under app:// needs no server. */
import { createHashHistory, createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { NotFound, Shell } from './Shell';
import { SCREENS } from './screens';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
/** `?resource=…&level=…`: every search parameter is text; screens pick what they know. */
const asText = (search: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(search).map(([key, value]) => [key, String(value)]));
export const router = createRouter({
  routeTree: root.addChildren(
    SCREENS.map(({ path, component }) =>
      createRoute({ getParentRoute: () => root, path, component, validateSearch: asText }),
    ),
  ),
  history: createHashHistory(),
});

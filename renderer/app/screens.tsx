/**
 * The screens, in the order of the sidebar. One more screen: one folder in features/ and one line here.
 * Only home is in the first bundle. Not here: the router (routes.tsx), which knows the shell around them.
 */
import { lazyRouteComponent, type RouteComponent } from '@tanstack/react-router';
import { Database, GitBranch, Inbox, List, type LucideIcon, Plus, SlidersHorizontal, Users } from 'lucide-react';
import type { ComponentType } from 'react';
import { GrantsScreen } from '../features/grants';
import { TicketIcon } from '../ui';

export interface Screen {
  readonly path: `/${string}`;
  readonly name: string;
  readonly icon: LucideIcon | ComponentType<{ readonly size?: number }>;
  /** G and then this key goes there. */
  readonly go: string;
  /** A figure beside its name in the sidebar. */
  readonly count?: 'inbox';
  readonly component: RouteComponent;
}
const later = lazyRouteComponent;

export const SCREENS: readonly Screen[] = [
  { path: '/', name: 'My access', icon: TicketIcon, go: 'h', component: GrantsScreen },
  {
    path: '/request',
    name: 'Request',
    icon: Plus,
    go: 'r',
    component: later(() => import('../features/request'), 'RequestScreen'),
  },
  {
    path: '/inbox',
    name: 'Inbox',
    icon: Inbox,
    go: 'i',
    count: 'inbox',
    component: later(() => import('../features/inbox'), 'InboxScreen'),
  },
  {
    path: '/activity',
    name: 'Activity',
    icon: List,
    go: 'a',
    component: later(() => import('../features/activity'), 'ActivityScreen'),
  },
  {
    path: '/resources',
    name: 'Resources',
    icon: Database,
    go: 'e',
    component: later(() => import('../features/resources'), 'ResourcesScreen'),
  },
  {
    path: '/people',
    name: 'People',
    icon: Users,
    go: 'p',
    component: later(() => import('../features/people'), 'PeopleScreen'),
  },
  {
    path: '/policy',
    name: 'Policy',
    icon: GitBranch,
    go: 'o',
    component: later(() => import('../features/policy'), 'PolicyScreen'),
  },
  {
    path: '/settings',
    name: 'Settings',
    icon: SlidersHorizontal,
    go: 's',
    component: later(() => import('../features/settings'), 'SettingsScreen'),
  },
];

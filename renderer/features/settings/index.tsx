/** Settings. */
import { Page } from '../../ui';

export function SettingsScreen() {
  return <Page title="Settings">{null}</Page>;
}

/** Resources. */
import { Page } from '../../ui';

export function ResourcesScreen() {
  return <Page title="Resources">{null}</Page>;
}

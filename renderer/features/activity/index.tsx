/** Activity. */
import { Page } from '../../ui';

export function ActivityScreen() {
  return <Page title="Activity">{null}</Page>;
}

/** Policy. */
import { Page } from '../../ui';

export function PolicyScreen() {
  return <Page title="Policy">{null}</Page>;
}

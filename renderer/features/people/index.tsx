/** People. */
import { Page } from '../../ui';

export function PeopleScreen() {
  return <Page title="People">{null}</Page>;
}

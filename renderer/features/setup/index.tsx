/** Setup. */
import type { SessionState } from '../../../shared/contract/ipc';
export const SetupScreen = ({ session }: { readonly session: SessionState }) => <main>{session.phase}</main>;

/** Pictures of an SSH resource: its form as it begins and filled in, tested with a host that shows another key, without a hook, its facts. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import type { ConnectionReport, LevelPlan } from '../../../../shared/contract/resources';
import * as fixtures from '../fixtures';
import type { Scene } from '../scene';
import { ADD, type KindPictures, toFormOf } from './pictures';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHxHI+f/E/9KMD6n+Ut/Jwi2WedOj2Yj+8U/KWCtN6i';
const RECIPE = `# As root on the host.
printf '%s\\n' 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO4y1wZ4O8bXWQ9X hallpass' > /etc/ssh/hallpass-ca.pub
cat > /etc/ssh/sshd_config.d/hallpass.conf <<'HALLPASS'
TrustedUserCAKeys /etc/ssh/hallpass-ca.pub
RevokedKeys /var/lib/hallpass-ssh/revoked.krl
AuthorizedPrincipalsCommand /usr/local/sbin/hallpass-ssh-hook principals %s %i %u
AuthorizedPrincipalsCommandUser root
HALLPASS
sshd -t && systemctl reload ssh`;
const report: ConnectionReport = {
  ok: false,
  targetLabel: 'SSH host',
  serverVersion: 'SSH-2.0',
  checks: [
    fine('Certificate authority', 'its public half is ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO4y1wZ4O8bXWQ9X hallpass'),
    fine('Log-in as deploy', 'level shell; a certificate for deploy is accepted'),
    fine('Hook', 'answers as root, version 1'),
    wrong(
      'Sessions',
      'sshd does not ask the hook at log-ins, so it sees none',
      'Set AuthorizedPrincipalsCommand as in the recipe, then reload sshd.',
    ),
  ],
  recipe: RECIPE,
};
const levels: LevelPlan['levels'] = [
  { name: 'shell', description: 'A shell as deploy.', targetRole: 'deploy', createsAccess: false },
  { name: 'admin', description: 'A shell as root.', targetRole: 'root', createsAccess: true },
];
const plan: LevelPlan = {
  digest: 'd1',
  levels,
  steps: [
    {
      database: 'web-1.internal:22',
      sql: 'hallpass-ssh-hook: revoke serial 1',
      why: 'Puts the test certificate on the revocation list, so that each connection test proves that sshd reads the list.',
      done: false,
    },
  ],
  notes: ['There is no account deploy on the host. As root: useradd --create-home deploy'],
};
const login = (level: string, user: string, rights: 'limited' | 'admin') => ({
  ...{ level, user, rights, command: '' },
  principals: [] as string[],
  permits: ['pty' as const],
});
const host = {
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, 's'),
  name: 'web-1',
  kind: 'ssh',
  description: 'Front of the shop.',
  targetLabel: 'SSH host',
  levels,
  settings: {
    kind: 'ssh' as const,
    host: 'web-1.internal',
    port: 22,
    hostKeys: [HOST_KEY],
    logins: [login('shell', 'deploy', 'limited'), login('admin', 'root', 'admin')],
    sourceAddresses: ['10.0.0.0/8'],
    hook: { user: 'root', command: '/usr/local/sbin/hallpass-ssh-hook' },
  },
};

export const ssh: KindPictures = {
  resource: host,
  field: 'input[name="settings.logins.0.user"]',
  async fill({ type }) {
    await type('input[name="settings.host"]', 'web-1.internal');
    await type('textarea', HOST_KEY);
    await type('input[name="settings.logins.0.user"]', 'deploy');
    await type('input[name=secret]', 'not shown again');
  },
  report,
  plan,
  limits: [
    'Programs that are detached from their session (nohup, tmux, cron) go on after it was cut, and a key left in authorized_keys stays where sshd reads that file.',
  ],
  command: 'ssh web-1',
  files: ['/home/nadia/.ssh/config', '/run/user/1000/hallpass/leases/3n/id'],
  lastError: 'The hook on web-1.internal did not answer: connect EHOSTUNREACH web-1.internal:22',
};
/** With an authority made in the form, a second level, and no hook. */
export const sshMade: Scene = {
  route: ADD,
  act: async (tools) => {
    await toFormOf(ssh)(tools);
    await ssh.fill(tools);
    await tools.click('[data-make-authority]');
    await tools.click('[data-another-level]');
    await tools.click('input[type=radio][value=none]');
  },
};

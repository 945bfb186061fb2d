import { failure } from '../../../lib/errors.ts';

/** What systemd-run(1), and the shell that goes on in its scope, say when there is none. */
const said = /^(?:Failed to .*|Job for .*|.*(?:cgroup\.\w+|\/keeper).*: .*)$/m;

/** Why a keeper that was to start in a scope did not; undefined when that is not the reason. `words`: the end of what it wrote, or a message that has it. */
export function explainScope(words: string): Error | undefined {
  const line = said.exec(words.replace(/^Cannot make namespaces "keeper": /, ''))?.[0];
  if (line === undefined) return undefined;
  return failure('UNSUPPORTED', 'limit', 'RUN', `systemd gives no control group: ${line}`, {
    hint: 'systemd-run --scope true (--user for who is not root) has to work: apt-get install dbus-user-session, then log in anew; or --cgroup-parent with the path of a group that this user may write to',
  });
}

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Deletes a data directory of a build. What steps made belongs to subordinate ids where an ordinary user built: only a
 * user namespace with the same mapping may delete it.
 */
export function removeTree(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    const namespace = ['--user', '--map-root-user', '--map-auto'];
    const { status } = spawnSync('unshare', [...namespace, 'rm', '-rf', '--', directory], {
      stdio: 'ignore',
    });
    if (status !== 0) throw error;
  }
}

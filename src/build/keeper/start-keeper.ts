import { failure } from '../../lib/errors.ts';
import type { KeeperClient, StartKeeperOptions } from './keeper-client.ts';

/** Starts the process inside the namespaces. SANDBOX while there is none. */
export async function startKeeper(options: StartKeeperOptions): Promise<KeeperClient> {
  throw failure(
    'SANDBOX',
    'start the keeper in',
    options.dataDirectory,
    'steps in a root file system are not supported yet',
  );
}

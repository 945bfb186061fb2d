import { failure } from '../lib/errors.ts';
import { type RunningRegistry, startRegistry } from '../registry/server/start-registry.ts';

export interface ServeOptions {
  /** `host:port`; port 0 picks a free one. */
  addr: string;
  /** Directory of the registry's data. */
  root: string;
  /** What went wrong inside, while clients got a 500. */
  onError?: (error: unknown) => void;
}

/** Starts the embedded registry; it runs until its `close`. */
export async function serve(options: ServeOptions): Promise<RunningRegistry> {
  const { address, port } = parseAddress(options.addr);
  return await startRegistry({ root: options.root, address, port, onError: options.onError });
}

function parseAddress(text: string): { address: string; port: number } {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (!parts || port > 65535) {
    throw failure('USAGE', 'listen on', text, 'not of the form host:port', {
      hint: '127.0.0.1:5000, or 127.0.0.1:0 for a free port',
    });
  }
  // `:5000` means every address, as for other servers.
  return { address: parts[1] ?? (parts[2] || '0.0.0.0'), port };
}

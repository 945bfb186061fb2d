import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { buildImage } from '../../src/app/build.ts';
import { openLocalStore } from '../../src/app/stores.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { readImageConfig, readIndex, readManifest } from '../../src/content/read-manifest.ts';
import type { Digest } from '../../src/lib/digest.ts';
import { copyGraph } from '../../src/transfer/copy-graph.ts';
import { type GoldenCase, writeContext } from './case-file.ts';
import { ourBuild } from './our-build.ts';
import type { Outcome } from './outcome.ts';

/** The name of the base image that cases are FROM. */
export const baseName = 'polyarch/base';

/** Where golden cases are built: contexts, a data directory with the base image, and a server of files. */
export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), 'polyarch-golden-'));
  readonly layout = join(this.directory, 'base');
  readonly home = join(this.directory, 'home');
  readonly diffIds: Digest[] = [];
  readonly base = { diffIds: this.diffIds, history: 2 };
  readonly #served = new Map<string, { readonly body: Buffer; readonly etag: string }>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Workbench> {
    const server = createServer();
    const bench = new Workbench(server);
    server.on('request', (request, response) => {
      const path = decodeURIComponent((request.url ?? '/').slice(1));
      const file = bench.#served.get(path) ?? bench.#ofContext(path);
      if (file === undefined) response.writeHead(404).end();
      else if (request.headers['if-none-match'] === file.etag)
        response.writeHead(304, { etag: file.etag }).end();
      else
        response
          .writeHead(200, { etag: file.etag, 'content-length': file.body.length })
          .end(request.method === 'HEAD' ? undefined : file.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { root } = makeBaseImage(bench.layout);
    mkdirSync(bench.home, { recursive: true });
    const store = await openLocalStore({ env: { POLYARCH_HOME: bench.home }, create: true });
    const source = await LayoutStore.open(bench.layout);
    await copyGraph(source, store, root, { tag: `docker.io/${baseName}:latest` });
    for (const entry of (await readIndex(source, root)).manifests) {
      const { config } = await readManifest(source, entry);
      bench.diffIds.push(...(await readImageConfig(source, config)).rootfs.diff_ids);
    }
    return bench;
  }

  /** A case's own file: `{{files}}/NAME`; git asks for those of a repository with a query. */
  #ofContext(path: string): { readonly body: Buffer; readonly etag: string } | undefined {
    const file = normalize(join(this.directory, path.replace(/\?.*$/, '')));
    if (
      !file.startsWith(join(this.directory, 'contexts/')) ||
      !statSync(file, { throwIfNoEntry: false })?.isFile()
    )
      return undefined;
    const body = readFileSync(file);
    return { body, etag: `"${createHash('sha256').update(body).digest('hex')}"` };
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Makes a case's context and serves its files. */
  prepare(golden: GoldenCase): string {
    const context = join(this.directory, 'contexts', golden.id);
    writeContext(context, golden, this.address);
    for (const { name, text } of golden.served) {
      this.#served.set(name, {
        body: Buffer.from(text),
        etag: `"${Buffer.from(text).toString('base64url').slice(-20)}"`,
      });
    }
    return context;
  }

  /** Builds a prepared case with the program's own code. */
  async build(context: string, golden: GoldenCase): Promise<Outcome> {
    for (const [name, dockerfile] of golden.images) {
      const directory = join(this.directory, 'images', golden.id);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'Dockerfile'), dockerfile);
      await buildImage({
        context: directory,
        tags: [name],
        platforms: [],
        buildArgs: [],
        network: 'host',
        cache: true,
        push: false,
        env: { ...process.env, POLYARCH_HOME: this.home },
      });
    }
    return await ourBuild(context, golden, this);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    removeTree(this.directory);
  }
}

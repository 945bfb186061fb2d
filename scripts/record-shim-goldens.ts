import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { startRegistry } from '../src/registry/server/start-registry.ts';
import { type RecordedTool, recordedFile } from '../test/shim-goldens/recorded.ts';
import { runSession, type StepOutcome } from '../test/shim-goldens/run-session.ts';
import { sessions } from '../test/shim-goldens/sessions.ts';
import { putShimImages } from '../test/shim-goldens/shim-images.ts';

const peers: Readonly<Record<string, { command: [string, ...string[]]; version: [string, ...string[]] }>> = {
  crane: { command: ['crane'], version: ['crane', 'version'] },
  'docker-manifest': { command: ['docker', 'manifest'], version: ['docker', '--version'] },
  imagetools: { command: ['docker', 'buildx', 'imagetools'], version: ['docker', 'buildx', 'version'] },
  skopeo: { command: ['skopeo'], version: ['skopeo', '--version'] },
  'manifest-tool': { command: ['manifest-tool'], version: ['manifest-tool', '--version'] },
};

const ours = process.argv.includes('--ours');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));

for (const [tool, peer] of Object.entries(peers)) {
  if (wanted.length > 0 && !wanted.includes(tool)) continue;
  const file = recordedFile(tool);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RecordedTool) : undefined;
  const version = spawnSync(peer.version[0], peer.version.slice(1), { encoding: 'utf8' });
  if (!ours && version.error) {
    process.stdout.write(`${tool} is not on the PATH: left as it is\n`);
    continue;
  }
  const recorded: Record<string, Record<string, { peer: StepOutcome; ours?: StepOutcome }>> = {};
  for (const session of sessions.filter((one) => one.tool === tool)) {
    const both: Record<string, StepOutcome>[] = [];
    for (const command of [ours ? undefined : peer.command, undefined]) {
      const known = before?.sessions[session.name];
      if (command === undefined && both.length === 0 && known) {
        both.push(Object.fromEntries(Object.entries(known).map(([line, one]) => [line, one.peer])));
        continue;
      }
      const scratch = mkdtempSync(join(tmpdir(), 'polyarch-shim-'));
      const registry = await startRegistry({ root: join(scratch, 'registry') });
      try {
        await putShimImages(registry.host, scratch);
        both.push(
          await runSession(session, {
            host: registry.host,
            directory: scratch,
            ...(command && { peer: command }),
          }),
        );
      } finally {
        await registry.close();
        rmSync(scratch, { recursive: true, force: true });
      }
    }
    const [theirs = {}, own = {}] = both;
    recorded[session.name] = Object.fromEntries(
      Object.entries(own).map(([line, outcome]) => {
        const said = theirs[line];
        if (said === undefined) throw new Error(`${line} was never recorded`);
        const same = isDeepStrictEqual(said, outcome);
        if (!same)
          process.stdout.write(
            `${tool} ${line}\n  theirs ${JSON.stringify(said)}\n  ours   ${JSON.stringify(outcome)}\n`,
          );
        return [line, same ? { peer: said } : { peer: said, ours: outcome }];
      }),
    );
  }
  // Debian's builds of some of them don't know their own version: it is put right by hand.
  const text = ours ? (before?.peer ?? tool) : version.stdout.trim() || tool;
  writeFileSync(file, `${JSON.stringify({ peer: text, sessions: recorded }, undefined, 1)}\n`);
}

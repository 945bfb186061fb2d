import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heredocCommand } from './heredoc-command.ts';
import { splitSources } from './inline-files.ts';
import type { Instruction } from './instruction.ts';
import { parseDockerfile } from './parse.ts';

function read(text: string): Instruction {
  const [instruction] = parseDockerfile(text, 'Dockerfile').instructions;
  assert.ok(instruction);
  return instruction;
}

describe('what a RUN with heredocs runs', () => {
  const cases: Readonly<Record<string, ReturnType<typeof heredocCommand>>> = {
    'RUN x': undefined,
    'RUN <<EOF\na\n\tb\nEOF': { kind: 'shell', text: 'a\n\tb\n' },
    'RUN <<-"EOF"\n\ta\n\t\tb\n\tEOF': { kind: 'shell', text: 'a\nb\n' },
    'RUN <<EOF\nEOF': { kind: 'shell', text: '' },
    'RUN <<EOF\n#!/bin/x\na\nEOF': { kind: 'program', name: 'EOF', content: '#!/bin/x\na\n' },
    'RUN <<-EOF\n\t#!/bin/x\nEOF': { kind: 'shell', text: '#!/bin/x\n' },
    'RUN python3 <<EOF\n#!x\nEOF': { kind: 'shell', text: 'python3 <<EOF\n#!x\nEOF' },
    'RUN <<EOF python3\nx\nEOF': { kind: 'shell', text: '<<EOF python3\nx\nEOF' },
    'RUN cat <<-A 3<<B >/x\n\ta\nA\nb\nB': { kind: 'shell', text: 'cat <<-A 3<<B >/x\n\ta\nA\nb\nB' },
    'RUN <<EOF > /x\nx\nEOF': { kind: 'shell', text: '<<EOF > /x\nx\nEOF' },
  };
  for (const [text, command] of Object.entries(cases)) {
    test(JSON.stringify(text), () => assert.deepEqual(heredocCommand(read(text), { os: 'linux' }), command));
  }

  test('Windows runs no program', () => {
    const command = heredocCommand(read('RUN <<EOF\n#!x\nEOF'), { os: 'windows' });
    assert.deepEqual(command, { kind: 'shell', text: '#!x\n' });
  });
});

test('sources of COPY: paths, and files that the instruction brings along', () => {
  const { body, ...rest } = read('COPY <<-"A" b <<C d /\n\t$x\n\tA\n\t$y\nC');
  assert.ok(body.form === 'words');
  assert.deepEqual(splitSources({ body, ...rest }, body.words.slice(0, -1)), {
    paths: ['b', 'd'],
    files: [
      { name: 'A', content: '$x\n', expand: false },
      { name: 'C', content: '\t$y\n', expand: true },
    ],
  });
});
